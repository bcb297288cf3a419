"""A Circle community and a checkout to play with, on this machine. It imports nothing of ours; nothing imports it."""
