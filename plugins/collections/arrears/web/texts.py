"""The pages' words in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from arrears.web.texts_desk import DESK_TEXTS
from arrears.web.texts_outreach import OUTREACH_TEXTS
from arrears.web.texts_serious import SERIOUS_TEXTS

LANGUAGES = ("zh", "en")

_TEXTS: Mapping[str, tuple[str, str]] = {
    "title": ("日览", "Day"),
    "language": ("English", "中文"),
    "business_day": ("业务日", "Business day"),
    "show": ("查看", "Show"),
    "previous": ("前一日", "Previous day"),
    "next": ("后一日", "Next day"),
    "frozen": ("不追溯", "frozen"),
    "restated": ("追溯", "restated"),
    "frozen_hint": ("当日运行时所知", "what the day's own run knew"),
    "restated_hint": ("由后来的台账重算", "computed again from a later ledger"),
    "no_run": ("该业务日尚未运行。", "This day has not been run."),
    "last_run": ("最近运行的业务日", "The last day that was run"),
    "steps": ("步骤", "Steps"),
    "steps_done": ("步骤完成", "steps done"),
    "steps_failed": ("步骤失败", "steps failed"),
    "seconds_total": ("各步骤合计秒数", "seconds in all steps"),
    "quality": ("数据质量", "Data quality"),
    "rules_passed": ("规则通过", "rules passed"),
    "rules_broken": ("规则未通过", "rules not passed"),
    "not_checked": ("尚未检查", "not checked"),
    "held": ("暂停处理的合同", "Contracts held"),
    "held_quality": ("因数据质量", "for their data"),
    "cases": ("案件", "Cases"),
    "in_pool": ("在抢单池", "in the grab pool"),
    "contacts": ("触达", "Contacts"),
    "contacts_out": ("已发出", "went out"),
    "approvals": ("待审批", "Approvals"),
    "approvals_waiting": ("等待人工审批", "wait for a person"),
    "nobody_waits": ("无待审批", "nothing waits"),
    "buckets": ("账期分布", "Buckets"),
    "bucket": ("账期", "Bucket"),
    "contracts": ("合同数", "Contracts"),
    "share": ("占比", "Share"),
    "allocation": ("案件分配", "Allocation"),
    "queue": ("队列", "Queue"),
    "collectors": ("催收员", "Collectors"),
    "per_collector": ("每人案件", "Cases each"),
    "pool": ("抢单池", "Pool"),
    "assigned": ("已分配", "Assigned"),
    "channels": ("渠道", "Channels"),
    "channel": ("渠道", "Channel"),
    "planned": ("待发", "to go"),
    "awaiting": ("待审批", "to approve"),
    "sent": ("已发出", "out"),
    "delivered": ("已送达", "carried out"),
    "failed_contacts": ("失败", "failed"),
    "unknown": ("结果不明", "unknown"),
    "not_sent": ("未发", "not sent"),
    "total": ("合计", "all"),
    "step": ("步骤", "Step"),
    "state": ("状态", "State"),
    "rows": ("行数", "Rows"),
    "seconds": ("秒", "Seconds"),
    "tries": ("次数", "Tries"),
    "at": ("时间", "At"),
    "success": ("完成", "done"),
    "failed": ("失败", "failed"),
    "none": ("未运行", "not run"),
    "rule": ("规则", "Rule"),
    "table": ("表", "Table"),
    "found": ("发现", "Found"),
    "allowed": ("允许", "Allowed"),
    "blocking": ("阻断", "blocking"),
    "advisory": ("提示", "advisory"),
    "passed": ("通过", "passed"),
    "broken": ("未通过", "not passed"),
    "all_rules": ("全部规则", "All rules"),
    "warnings": ("提示", "Warnings"),
    "errors": ("错误", "Errors"),
    "documents": ("文档", "Documents"),
    "quality report": ("质量报告", "Quality report"),
    "report": ("指标日报", "KPI report"),
    "previews": ("策略预演", "Strategy previews"),
    "changed_cases": ("案件变化", "cases change"),
    "new_tab": ("在新标签页打开", "opens in a new tab"),
    "unavailable": ("数据仓库暂时不可用。", "The warehouse does not answer."),
    "unavailable_hint": (
        "请稍后刷新；若仍不可用，请检查数据库与 ARREARS_WAREHOUSE_URL。",
        "Reload in a moment; if it stays so, look at the database and ARREARS_WAREHOUSE_URL.",
    ),
    "explain": ("处置说明", "Explain"),
    "explain_contract": ("说明某合同的处置", "Explain a contract"),
    "explain_hint": (
        "输入合同号与业务日，查看台账、规则与政策如何得出当日处置。",
        "Give a contract and a business day to see how ledger, rules and policy led to its treatment.",
    ),
    "contract": ("合同号", "Contract"),
    "basis": ("口径", "Basis"),
    "any_basis": ("优先不追溯", "frozen if there is one"),
    "days_past_due": ("天逾期", "days past due"),
    "not_explained": ("无法说明", "This cannot be explained"),
    "expected": ("应有", "Expected"),
    "action": ("处理", "What to do"),
    "ledger_daily": ("台账", "Ledger"),
    "strategy_daily": ("策略", "Strategy"),
    "worklist_daily": ("工作单", "Worklist"),
    "outreach_daily": ("触达", "Outreach"),
    "approvals_daily": ("审批", "Approvals"),
    "kpi_daily": ("指标", "KPIs"),
    "pull_ledger": ("拉取台账", "Pull the ledger"),
    "check_quality": ("检查质量", "Check its quality"),
    "publish_ledger": ("发布台账", "Publish the ledger"),
    "check_rules": ("检查规则", "Check the rules"),
    "age_contracts": ("计算账龄", "Age the contracts"),
    "tier_balances": ("余额分层", "Tier the balances"),
    "apply_rules": ("套用规则", "Apply the rules"),
    "publish_treatments": ("发布处置", "Publish the treatments"),
    "allocate_cases": ("分配案件", "Allocate the cases"),
    "open_grab_pool": ("开放抢单池", "Open the grab pool"),
    "plan_contacts": ("计划触达", "Plan the contacts"),
    "publish_worklist": ("发布工作单", "Publish the worklist"),
    "push_contacts": ("推送触达", "Push the contacts"),
    "reconcile_contacts": ("核对触达", "Reconcile the contacts"),
    "push_approved": ("推送已审批", "Push what was approved"),
    "build_kpis": ("计算指标", "Build the KPIs"),
    "load_warehouse": ("装载数仓", "Load the warehouse"),
    "publish_report": ("发布日报", "Publish the report"),
}


def choose_language(asked: str | None, accepted: str) -> str:
    """The language that was asked for, else the first of the browser's that there is, else English."""
    for wish in (asked or "", *accepted.split(",")):
        language = wish.split(";")[0].strip().lower()[:2]
        if language in LANGUAGES:
            return language
    return "en"


def texts(language: str) -> Mapping[str, str]:
    """All words of the pages in `language`."""
    column = LANGUAGES.index(language)
    every = {**OUTREACH_TEXTS, **SERIOUS_TEXTS, **DESK_TEXTS, **_TEXTS}
    return MappingProxyType({key: both[column] for key, both in every.items()})
