"""Training: the loop, the metrics, and the checkpoints that keep a meta-policy in a folder."""
