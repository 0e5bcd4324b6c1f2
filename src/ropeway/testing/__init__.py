"""Fakes that ship with the product: one for each seam, held to the same contract as the real ones. Nothing that ships imports them."""
