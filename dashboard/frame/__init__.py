"""What all pages share: the store, choices kept in the address, charts with their tables."""
