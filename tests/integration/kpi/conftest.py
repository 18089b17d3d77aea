"""A generated lender for the days of `kpi_daily`."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from tests.support.contract_files import read_contract_files

from arrears.demo.lender import write_parquet

AS_OF = date(2026, 11, 20)


@pytest.fixture(scope="session")
def lender(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    folder = tmp_path_factory.mktemp("kpi-lender")
    write_parquet(folder, AS_OF, 1_500, 7)
    return read_contract_files(folder)
