"""The steps of a run, each a plain function, and the drain that arranges them."""
