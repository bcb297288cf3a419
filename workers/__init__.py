"""The background: RQ workers that drain the lanes, and the clock. Nothing of a page lives here."""
