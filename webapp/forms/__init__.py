"""What people type, checked: one file a page. What becomes of it is decided in the engine."""
