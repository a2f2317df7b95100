"""The pipeline's state: a probe a server, and the findings. May import what operations may."""
