"""The words of an explanation, Chinese and English side by side."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

SAID: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # headings
        "contract_on": ("合同 {contract} · {day}（{basis}）", "Contract {contract} on {day} ({basis})"),
        "frozen": ("不追溯", "frozen"),
        "restated": ("追溯", "restated"),
        "outcome_line": (
            "处置 {treatment} · 强度 {intensity} · 队列 {queue} · 优先级 {priority}",
            "treatment {treatment}, intensity {intensity}, queue {queue}, priority {priority}",
        ),
        "from_ledger": ("由台账到逾期天数", "From the ledger to the days past due"),
        "scores": ("模型评分（阶段 {stage}）", "Scores for stage {stage}"),
        "score_line": ("{role}：{score}，{band}{model}", "{role}: {score}, {band}{model}"),
        "score_model": ("；模型 {model}", "; by the model {model}"),
        "stands_in": ("（替代本阶段的模型）", ", in the place of the stage's own"),
        "band_stands_in": ("（规则集给出的分档）", ", which the rules give in its place"),
        "score_none": ("{role}：没有足够新的评分，{band}", "{role}: none that is fresh enough, {band}"),
        "decisions": ("规则判定", "Decision tables, in order"),
        "policy": ("合规政策", "Policy"),
        "experiments": ("实验分组", "Experiments"),
        "case": ("案件", "The case"),
        "contacts": ("当日计划触达", "Planned contacts of the day"),
        "quarantine": ("被隔离的数据行", "Quarantined rows"),
        "versions": ("版本", "Versions"),
        "items": ("应还款项", "Items due"),
        "payments": ("还款", "Payments"),
        "holds": ("暂停与冻结", "Holds"),
        "spells": ("历次逾期", "Spells of arrears"),
        # status and reasons
        "current": ("当日无逾期：应还各期均已还足。", "In no arrears on the day: all that fell due is paid."),
        "immaterial": (
            "当日无逾期：未还金额在容忍额度之内。",
            "In no arrears on the day: what is unpaid is within the materiality.",
        ),
        "not_disbursed": ("不在账：{day} 才放款。", "Not in the book: disbursed on {day}, after this day."),
        "not_covered": ("不在账：台账自 {day} 起覆盖。", "Not in the book: the ledger covers it from {day} on."),
        "closed": ("不在账：{day} 已结清或离账。", "Not in the book: closed on {day}."),
        "written_off": ("不在账：{day} 已核销。", "Not in the book: written off on {day}."),
        "settled": (
            "不在账：{day} 已核销，且已无欠款。",
            "Not in the book: written off on {day}, and nothing of it is owed any more.",
        ),
        "recovery": (
            "核销后催收：{day} 已核销，仍有欠款，规则集继续处置。",
            "In the recovery book: written off on {day}, it still owes, and the rule set works it.",
        ),
        "left_out": (
            "在台账中，但不在当日快照中。请重跑 age_contracts。",
            "In the ledger, but not in the day's snapshot: clear age_contracts of this day.",
        ),
        "quarantined": (
            "数据质量规则隔离了该合同的数据行，当日未判定；见下。请在来源系统更正。",
            "Its rows are in quarantine, so nothing was decided; see below. Have them corrected at the lender.",
        ),
        "held": (
            "本合同有生效的冻结（{kind}）：停止一切处置。",
            "An open hold of this contract ({kind}) stops all treatment.",
        ),
        "held_elsewhere": (
            "该客户另一合同有生效的冻结（{kind}）：停止对该客户的一切处置。",
            "An open hold of another contract of the customer ({kind}) stops all treatment of the customer.",
        ),
        "in_grace": (
            "扣除宽限与暂停后无拖欠天数：不处置。",
            "No delinquent day is left after grace and pauses: nothing is done.",
        ),
        "in_first_month": (
            "按规则集的计月方法（{counting}）尚未满一个月，仍在首个账期：不处置。",
            "Not yet a full month in arrears by the method of the rule set ({counting}), so still in the first bucket: "
            "nothing is done.",
        ),
        # warnings
        "items_lead_elsewhere": (
            "注意：以下款项与存储的快照不一致（台账已变，或按其他口径计算）。请用 arrears replay 核对。",
            "Mind: the items below do not lead to the stored figures (the ledger has changed since, or another "
            "convention counts). arrears replay tells what differs.",
        ),
        "rules_lead_elsewhere": (
            "注意：{tables} 的命中规则与存储的判定不一致。请用 arrears replay 核对。",
            "Mind: the rules that hold in {tables} are not those on the stored row. arrears replay tells what differs.",
        ),
        "rules_of_today": (
            "注意：该日没有记录规则版本，按现行规则说明。",
            "Mind: the day has no record of its rules; these are today's.",
        ),
        "settings_of_today": (
            "注意：该日没有记录账龄参数，按现行设置说明。",
            "Mind: the day has no record of its settings for ageing; these are today's.",
        ),
        # ageing
        "due_and_paid": (
            "截至前一日应还合计 {due}，截至当日实还合计 {paid}；逾期金额 {overdue}，全部未还 {outstanding}。",
            "Due before the day {due}, paid by the day {paid}; overdue {overdue}, outstanding in all {outstanding}.",
        ),
        "materiality": (
            "未还不超过 {share} 或 {amount}（取大者）视为已还足。",
            "An item counts as met when at most {share} of it or {amount} is unpaid, whichever is more.",
        ),
        "oldest": (
            "最早未还足款项：{item}，到期日 {due}，未还 {unpaid}。",
            "Oldest item that is not met: {item}, due {due}, {unpaid} unpaid.",
        ),
        "days_past_due": ("逾期天数 = {day} − {due} = {days}。", "Days past due = {day} − {due} = {days}."),
        "days_otherwise": ("逾期天数 {days}（按规则集的计数口径）。", "Days past due {days}, as the rule set counts."),
        "no_days": ("逾期天数 0。", "Days past due 0."),
        "delinquent_days": (
            "拖欠天数 = {days} − 宽限 {grace} − 暂停 {paused} = {result}{floor}。",
            "Delinquent days = {days} − {grace} grace − {paused} paused = {result}{floor}.",
        ),
        "not_below": ("（不低于 0）", " (not below 0)"),
        "bucket_open": (
            "账期 {bucket}（{class_}）：{from_day} 天及以上。",
            "Bucket {bucket}, class {class_}: {from_day} delinquent days and more.",
        ),
        "bucket": (
            "账期 {bucket}（{class_}）：{from_day} 至 {to_day} 天。",
            "Bucket {bucket}, class {class_}: {from_day} to {to_day} delinquent days.",
        ),
        "bucket_one": (
            "账期 {bucket}（{class_}）：{from_day} 天。",
            "Bucket {bucket}, class {class_}: {from_day} delinquent days.",
        ),
        "bucket_otherwise": (
            "账期 {bucket}（{class_}），按规则集的分期口径。",
            "Bucket {bucket}, class {class_}, as the rule set places contracts.",
        ),
        "bucket_unmet": (
            "账期 {bucket}（{class_}）：未还足款项 {range} 笔，本合同 {count} 笔（规则集按笔数计，不按天数）。",
            "Bucket {bucket}, class {class_}: unmet instalments and charges {range}, here {count}. The rule set counts "
            "them, not days.",
        ),
        "up_to": ("{low} 至 {high}", "{low} to {high}"),
        "and_more": ("{low} 及以上", "{low} and more"),
        "counts_months": ("（规则集按日历月计数。）", "The rule set counts calendar months."),
        "counts_mba": (
            "（规则集按 MBA 方法计月：下一到期日的前一日终满一个月。）",
            "The rule set counts months by the MBA method: one is full at the end of the day before the next due date.",
        ),
        "counts_ots": (
            "（规则集按 OTS 方法计月：下一到期日当日终满一个月。）",
            "The rule set counts months by the OTS method: one is full at the end of the next due date.",
        ),
        "own_days": ("{days} 天，{bucket}", "{days} days, {bucket}"),
        "own_age": ("单笔账龄", "Its own age"),
        "first_day": ("第 {days} 天是其首日，少一天为 {other}。", "Day {days} is its first: a day less is {other}."),
        "last_day": ("第 {days} 天是其末日，多一天为 {other}。", "Day {days} is its last: a day more is {other}."),
        "spell": ("自 {day} 起逾期。", "In arrears since {day}."),
        "first_time": (
            "首次逾期：此前没有超过宽限期的逾期。",
            "First delinquency: no earlier spell outlasted the grace.",
        ),
        "repeated": (
            "重复逾期：{entered} 至 {exited} 的逾期超过了宽限期。",
            "Repeated: the spell from {entered} until {exited} outlasted the grace.",
        ),
        "repeated_unknown": ("重复逾期。", "Repeated."),
        "installment": ("第 {number} 期", "instalment {number}"),
        "charge": ("费用 {kind} {number}", "charge {kind} {number}"),
        "earlier_items": ("（更早 {count} 笔已还足）", "({count} earlier ones are met)"),
        "later_items": ("（此后还有 {count} 笔）", "({count} later ones)"),
        # columns
        "item": ("款项", "Item"),
        "due_date": ("到期日", "Due"),
        "amount_due": ("应还", "Amount"),
        "amount_paid": ("已还", "Paid"),
        "amount_unpaid": ("未还", "Unpaid"),
        "state": ("状态", "State"),
        "met": ("已还足", "met"),
        "met_with_rest": ("视为已还足", "met, within materiality"),
        "unmet": ("未还足", "not met"),
        "oldest_mark": ("未还足，最早", "not met, the oldest"),
        "later": ("未到期", "not due before the day"),
        "value_date": ("入账日", "Value date"),
        "amount": ("金额", "Amount"),
        "counts": ("计入", "counts"),
        "returned": ("{day} 退回，不计入", "returned on {day}: does not count"),
        "returns_later": ("计入（{day} 退回）", "counts (returned on {day})"),
        "hold_open": ("生效", "open"),
        "hold_over": ("已结束", "over"),
        "until": ("至 {day}", "until {day}"),
        "no_end": ("无截止日", "no end"),
        "since": ("自 {day}", "from {day}"),
        "still": ("未结束", "not over"),
        "outlasted": ("超过宽限期", "outlasted the grace"),
        "within_grace": ("在宽限期内", "within the grace"),
        "pauses_count": ("停止计天", "days are not counted"),
        "stops_all": ("停止处置", "stops treatment"),
        "no_effect": ("不影响处置", "no effect on treatment"),
        # tables
        "table_balance": ("逾期余额分层", "Balance tier"),
        "table_score": ("模型评分", "Scores"),
        "table_profile_points": ("画像风险分", "Profile points"),
        "table_profile": ("画像分档", "Profile band"),
        "table_segment": ("客群", "Segment"),
        "table_treatment": ("处置", "Treatment"),
        "table_priority": ("优先级", "Priority"),
        "default": ("默认（没有规则命中）", "the default: no rule holds"),
        "adds_nothing": ("没有规则命中", "no rule holds"),
        "sum": ("合计 {sum}", "they add up to {sum}"),
        "floored": ("，下限 {floor}", ", not below {floor}"),
        "capped": ("，上限 {cap}", ", not above {cap}"),
        "when": ("条件", "when"),
        "saw": ("取值", "saw"),
        "note": ("说明", "note"),
        "nearly": ("差一点命中", "Nearly held"),
        "before": ("在命中规则之前", "stands before the one that decided"),
        "after": ("在命中规则之后，命中也不改变结果", "stands after it: could not have changed the result"),
        "held_too": ("也成立，但排在后面：{rules}", "hold too, but come later: {rules}"),
        "fails": ("不成立：{text}", "fails: {text}"),
        "unknown": ("无法判断（缺少数值）：{text}", "unknown, a value is missing: {text}"),
        "needs": ("需要 {need}", "needs {need}"),
        "no_value": ("无", "no value"),
        "true": ("是", "true"),
        "false": ("否", "false"),
        # needs
        "at_least": ("{word} ≥ {wanted}", "{word} of at least {wanted}"),
        "above": ("{word} > {wanted}", "{word} above {wanted}"),
        "at_most": ("{word} ≤ {wanted}", "{word} of at most {wanted}"),
        "below": ("{word} < {wanted}", "{word} below {wanted}"),
        "is": ("{word} = {wanted}", "{word} = {wanted}"),
        "is_not": ("{word} ≠ {wanted}", "{word} other than {wanted}"),
        "one_of": ("{word} 为 {wanted} 之一", "{word} one of {wanted}"),
        "none_of": ("{word} 不为 {wanted}", "{word} none of {wanted}"),
        "between": ("{word} 在 {wanted} 之间", "{word} between {wanted}"),
        "hold": ("{wanted} 成立", "{wanted} to hold"),
        "missing": ("（相差 {missing}）", " ({missing} away)"),
        "or": (" 或 ", " or "),
        # policy, arms, case
        "allow": ("允许", "allowed"),
        "soften": ("只可用于减轻", "allowed to soften only"),
        "review": ("需审批", "under review"),
        "deny": ("禁止", "denied"),
        "policy_line": (
            "{rule} 读取 {attribute}（{words}）：{verdict}",
            "{rule} reads {attribute} ({words}): {verdict}",
        ),
        "approved": (
            "；{role} 于 {day} 批准：{reason}",
            "; approved by {role} on {day}: {reason}",
        ),
        "not_approved": ("；没有批准记录", "; no approval on the rule"),
        "arm": (
            "{experiment}：{arm}。摘要 {digest} 落在该组的区间 {low} 至 {high}；{entered} 入案时的份额：{shares}。",
            "{experiment}: {arm}. The digest {digest} lies in the arm's range {low} to {high}; shares valid on the "
            "entry day {entered}: {shares}.",
        ),
        "arm_none": (
            "{experiment}：不在任何组。{why}",
            "{experiment}: in no arm. {why}",
        ),
        "no_shares": ("{entered} 入案时实验未生效。", "On the entry day {entered} the experiment did not run."),
        "outside": (
            "摘要 {digest} 不在任何组的区间内，或被排除。",
            "The digest {digest} lies in no arm's range, or the customer is excluded.",
        ),
        "case_line": (
            "自 {entered} 起，{count} 份合同；主合同 {lead}；队列 {queue} 第 {order} 位。",
            "Entered on {entered}, {count} contract(s); led by {lead}; place {order} in queue {queue}.",
        ),
        "leads_alone": ("只有一份逾期合同。", "The customer has no other contract in arrears."),
        "leads_by": ("它在{figure}上领先下一份合同。", "It is ahead of the next one in {figure}."),
        "leads_order": (
            "比较顺序：强度、优先级、拖欠天数、逾期金额、合同号。",
            "Compared in this order: intensity, priority, delinquent days, overdue amount, contract id.",
        ),
        "intensity": ("强度", "intensity"),
        "priority": ("优先级", "priority"),
        "delinquent": ("拖欠天数", "delinquent days"),
        "overdue_amount": ("逾期金额", "overdue amount"),
        "contract_id": ("合同号", "contract id"),
        "planned": ("计划", "planned"),
        "blocked": ("阻断", "blocked"),
        "cut": ("裁减", "cut"),
        "contact_line": ("{slot} {channel} {window}：{verdict}", "{slot} {channel} {window}: {verdict}"),
        "by_rule": ("（{rule}：{reason}）", " by {rule}: {reason}"),
        "quarantine_line": (
            "{table} {key}：{rule}（{severity}）{reason}",
            "{table} {key}: {rule} ({severity}) {reason}",
        ),
        "rule_set_line": (
            "规则集 {name} 第 {version} 版，哈希 {hash}，政策包 {policy}。",
            "Rule set {name} version {version}, hash {hash}, policy pack {policy}.",
        ),
        "code_line": (
            "判定代码 arrears {version}，{engine}，源码 {sources}，SQL {models}{present}。",
            "Decided by arrears {version} on {engine}, sources {sources}, SQL models {models}{present}.",
        ),
        "same_code": ("（与现行一致）", ", the code that explains it"),
        "other_code": ("（现行代码已不同）", "; the code that explains it is another"),
        "area_line": ("发布 {area}：{tables}", "Published {area}: {tables}"),
    }
)
"""Code → what it says in each of `LANGUAGES`; `{…}` are filled in."""
