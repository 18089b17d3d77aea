"""Documents of a case that is handed over: what they say, that they are whole, and that markup in a name stays text."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from arrears.ledger.contract import arrow_schema
from arrears.outreach.documents import write_documents
from arrears.outreach.rules import load_contact_rules
from arrears.settings import load_settings
from arrears.warehouse.connect import open_warehouse
from arrears.warehouse.ops_serious import VehicleStep

DAY = date(2026, 11, 20)
MARKUP = "<script>alert('x')</script> & \"Lin\""


def installments(contract: str) -> list[dict[str, Any]]:
    return [
        {
            "contract_id": contract,
            "installment_no": number,
            "due_date": date(2026, 7 + number, 15),
            "amount_due": Decimal("1000.00"),
            "principal_due": Decimal("900.00"),
            "interest_due": Decimal("100.00"),
            "fee_due": Decimal("0.00"),
        }
        for number in range(1, 6)
    ]


def payment(key: str, contract: str, value_date: date, amount: str, **other: Any) -> dict[str, Any]:
    return {"payment_id": key, "contract_id": contract, "value_date": value_date, "amount": Decimal(amount), **other}


def handed_over(outreach: Any, channel: str, name: str = "样例客户", **tables: Any) -> tuple[list[Any], Path]:
    """Writes the documents of one case of two contracts; gives what was written and the folder."""
    builder = outreach.builder
    case = builder.case("C1", channel, contracts=2, contract_ids="K-1,K-2", lead_contract_id="K-1")
    with outreach.run() as run:
        customer = builder.customer("C1", name=name, birth_date=date(1986, 5, 4))
        payments = [
            payment("P-1", "K-1", date(2026, 8, 15), "1500.00"),
            payment("P-2", "K-2", date(2026, 11, 16), "4000.00"),
            payment("P-3", "K-1", date(2026, 10, 1), "300.00", reversed_on=date(2026, 10, 5)),
        ]
        builder.publish(run, [case], customers=[customer], payments=payments, **tables)
        for table, rows in {
            "installments": installments("K-1") + installments("K-2"),
            "charges": [
                {"charge_id": "P1", "contract_id": "K-1", "due_date": date(2026, 9, 1), "amount": Decimal("55.50"),
                 "kind": "penalty"}
            ],
        }.items():  # fmt: skip
            builder.write(run, table, rows, arrow_schema(table))
        task = {
            "task_key": hashlib.sha256(channel.encode()).hexdigest(),
            "customer_id": "C1",
            "contract_ids": "K-1,K-2",
        }
        outbox = run.settings.home / "outbox"
        written = write_documents(run, load_contact_rules(run.rules)[0], channel, [task], outbox)
    return written, outbox


def text_of(written: list[Any], name: str) -> str:
    return (written[0].folder / name).read_text(encoding="utf-8")


def cells(html: str) -> list[str]:
    return [re.sub("<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", html, re.DOTALL)]


@pytest.fixture(autouse=True)
def steps(outreach: Any) -> None:
    engine = open_warehouse(load_settings({"warehouse_url": outreach.url}))
    common = {
        "contract_id": "K-1",
        "customer_id": "C1",
        "reason": "by courier",
        "recorded_by": "lead",
        "via": "command",
        "recorded_at": datetime.fromisoformat("2026-11-06T10:00:00+08:00"),
        "business_day": date(2026, 11, 6),
    }
    taken = [("located", date(2026, 11, 5), "offline"), ("demand_sent", date(2026, 11, 6), None)]
    with engine.begin() as connection:
        rows = [{**common, "step": step, "on_day": day, "gps_status": gps} for step, day, gps in taken]
        connection.execute(sa.insert(VehicleStep), rows)
    engine.dispose()


def test_a_pack_has_what_a_court_needs(outreach: Any) -> None:
    promises = [{"promise_id": "Q1", "contract_id": "K-1", "made_on": date(2026, 10, 1), "due_on": date(2026, 10, 8),
                 "amount": Decimal("300.00")}]  # fmt: skip
    holds = [{"contract_id": "K-2", "kind": "pause", "start_date": date(2026, 8, 1), "end_date": date(2026, 8, 9)}]
    results = [{"result_id": "R1", "customer_id": "C1", "contract_id": "K-1", "channel": "call",
                "attempted_at": datetime.fromisoformat("2026-11-03 10:15"), "outcome": "right_party"}]  # fmt: skip
    written, _ = handed_over(outreach, "legal", promises=promises, holds=holds, contact_results=results)
    html = text_of(written, "pack.en.html")
    found = cells(html)
    assert "Case file for court" in html
    # 1500 paid on K-1 serve the first instalment and half of the second; the returned payment serves nothing
    statement = html[html.index("what fell due and is not met") : html.index("All that fell due")]
    rows = [cells(row) for row in re.findall(r"<tr[^>]*>(.*?)</tr>", statement, re.DOTALL)][1:]
    assert rows == [
        ["instalment", "2", "2026-09-15", "1,000.00", "444.50", "555.50", "66"],
        ["instalment", "3", "2026-10-15", "1,000.00", "0.00", "1,000.00", "36"],
        ["instalment", "4", "2026-11-15", "1,000.00", "0.00", "1,000.00", "5"],
    ]
    assert "2026-10-05" in found, "the day on which a payment was returned"
    assert "broken" in found
    assert "pause" in found
    assert "2026-11-03 10:15" in found
    assert "demand sent" in found
    assert "located, GPS unit: offline" in found
    assert "Demand, with the proof of its delivery" in html
    assert "1986-05-04" in found


def test_a_visit_sheet_has_no_more_than_a_visitor_needs(outreach: Any) -> None:
    written, _ = handed_over(outreach, "field")
    html = text_of(written, "visit.zh.html")
    assert "上门外访单" in html
    assert "1986-05-04" not in html
    assert "customer.example" not in html
    assert "外访时间" in html
    assert "Field visit sheet" in text_of(written, "visit.en.html")


def test_the_documents_are_whole_private_and_the_same_when_written_again(outreach: Any) -> None:
    written, outbox = handed_over(outreach, "legal")
    folder = written[0].folder
    assert folder.parent == outbox / "legal" / "2026-11-20"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert [each["file"] for each in manifest["documents"]] == ["pack.zh.html", "pack.en.html"]
    for each in manifest["documents"]:
        assert hashlib.sha256((folder / each["file"]).read_bytes()).hexdigest() == each["sha256"]
        assert manifest["data_sha256"] in (folder / each["file"]).read_text(encoding="utf-8")
    assert manifest["rule_set_hash"] == "0" * 64
    assert {path.name for path in folder.iterdir()} == {"pack.zh.html", "pack.en.html", "manifest.json"}
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again, _ = handed_over(outreach, "legal")
    assert {path.name: path.read_bytes() for path in again[0].folder.iterdir()} == before
    assert again[0].sha256 == written[0].sha256


@pytest.mark.parametrize(("channel", "name"), [("field", "visit"), ("legal", "pack"), ("repossession", "pack")])
def test_markup_in_a_name_stays_text(outreach: Any, channel: str, name: str) -> None:
    written, _ = handed_over(outreach, channel, name=MARKUP)
    for language in ("zh", "en"):
        html = text_of(written, f"{name}.{language}.html")
        assert "<script" not in html
        assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &#34;Lin&#34;" in html


def test_nothing_of_a_document_is_logged_or_shown(outreach: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    written, _ = handed_over(outreach, "legal", name="样例独有姓名")
    assert "样例独有姓名" not in caplog.text + repr(written)


def test_a_channel_without_documents_writes_none(outreach: Any) -> None:
    written, outbox = handed_over(outreach, "agency")
    assert written == []
    assert not outbox.exists()
