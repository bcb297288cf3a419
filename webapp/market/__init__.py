"""A marketplace as a file, for `flask apply`, `flask export` and the demo.

YAML with its lines (nodes.py) → what it says (reading.py) → what must be asked before (asking.py) → one transaction (applying.py, with the
rules in ruling.py); and the other way round (exporting.py).
"""
