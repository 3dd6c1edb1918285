"""Files become tables: discovery, readers by format, and the contract they keep."""
