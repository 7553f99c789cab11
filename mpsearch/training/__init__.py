"""Training's loop, its metrics, and checkpoints: how a meta-policy becomes a folder and comes back."""
