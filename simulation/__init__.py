"""The seeded simulation of the whole engine, and its reference model."""
