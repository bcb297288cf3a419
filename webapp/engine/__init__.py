"""What should happen: pure decisions, and their transactions. No Flask, HTTP or Redis; time and ids are passed in."""
