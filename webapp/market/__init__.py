"""A marketplace as a file: read (reading.py), brought about in one transaction (applying.py), written (exporting.py).

For `flask apply`, `flask export` and the demo.
"""
