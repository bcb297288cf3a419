"""`make run`: everything that Cartwheel needs, on this machine, under one roof. Nothing of the product lives here."""
