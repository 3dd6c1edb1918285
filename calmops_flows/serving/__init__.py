"""The prediction server: one process that answers for several pipelines' champions."""
