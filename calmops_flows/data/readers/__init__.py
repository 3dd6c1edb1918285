"""Readers, one file per family of formats; ``READERS`` names them all."""

from collections.abc import Callable

from calmops_flows.data.batch import Batch, Request
from calmops_flows.data.readers.arff import read_arff
from calmops_flows.data.readers.arrow_file import read_arrow
from calmops_flows.data.readers.delimited import read_delimited
from calmops_flows.data.readers.excel import read_excel
from calmops_flows.data.readers.json_file import read_json
from calmops_flows.data.readers.json_lines import read_json_lines
from calmops_flows.data.readers.parquet import read_parquet
from calmops_flows.data.table import read_table

READERS: dict[str, Callable[[Request], Batch]] = {
    "arff": read_arff,
    "csv": read_delimited,
    "feather": read_arrow,
    "json": read_json,
    "jsonl": read_json_lines,
    "parquet": read_parquet,
    "tsv": read_delimited,
    "txt": read_delimited,
    "xls": read_excel,
    "xlsx": read_excel,
}

__all__ = [
    "READERS",
    "read_arff",
    "read_arrow",
    "read_delimited",
    "read_excel",
    "read_json",
    "read_json_lines",
    "read_parquet",
    "read_table",
]
