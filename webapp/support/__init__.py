"""What helps to find out why: a case, which is everything that decided about one customer, without saying who it is (`flask case`).

Rows → what they say (gathering.py), with everything that names somebody masked (masking.py). `make replay` plays it: simulation/replay.py.
"""
