"""Plots, animations and widgets that show results. Nothing in this package trains a policy or runs a simulation."""
