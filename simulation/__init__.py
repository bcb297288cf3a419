"""The seeded simulation of the whole engine: everything that moves is drawn from a seed, in one thread (docs/simulation.md)."""
