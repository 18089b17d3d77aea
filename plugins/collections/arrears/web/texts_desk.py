"""The words of the pages on which people work with cases, in Chinese and English; refusals, by their rule."""

from __future__ import annotations

from collections.abc import Mapping

DESK_TEXTS: Mapping[str, tuple[str, str]] = {
    "page_allocation": ("案件分配", "Allocation"),
    "page_pool": ("抢单", "Grab pool"),
    "page_performance": ("绩效", "Performance"),
    "pages": ("页面", "Pages"),
    "skip": ("跳到内容", "Skip to the content"),
    "you_are": ("当前用户", "You are"),
    "role_lead": ("可操作", "a lead: you may change"),
    "role_viewer": ("仅查看", "looking on: changes are for leads"),
    "role_collector": ("催收员", "a collector"),
    "changes": ("操作", "Changes"),
    "recent": ("最近操作", "Latest changes"),
    "recent_none": ("今日尚无人工操作。", "Nobody has changed anything today."),
    "turn": ("翻页", "Pages of the table"),
    "page_before": ("上一页", "Before"),
    "page_after": ("下一页", "Next"),
    "page_of": ("第 {page} 页，共 {pages} 页", "page {page} of {pages}"),
    "close": ("关闭", "Close"),
    "cancel": ("取消", "Cancel"),
    "set": ("设定", "Set"),
    "reason": ("原因", "Reason"),
    "required": ("必填", "required"),
    "reason_note": ("写入操作记录；请勿填写个人信息。", "Kept in the record of changes; no personal data, please."),
    "no_cases": ("今日还没有案件", "There are no cases yet"),
    "no_cases_hint": (
        "工作单流程（worklist_daily）运行之后，案件会出现在这里。",
        "They appear here when the Dag worklist_daily has run for the day.",
    ),
    "queues": ("队列", "Queues"),
    "collector": ("催收员", "Collector"),
    "team": ("团队", "Team"),
    "overdue": ("逾期金额", "Overdue"),
    "quota": ("配额", "Quota"),
    "capacity": ("在手 / 上限", "In hand / limit"),
    "why_fewer": ("较少的原因", "Why fewer"),
    "batch": ("每批", "Batch"),
    "by_hand": ("手工", "by hand"),
    "by_hand_hint": ("今日手工设定", "Set by hand for today"),
    "spread_cases": ("案件差", "Spread"),
    "spread_cases_hint": ("在岗催收员之间案件数的最大差", "Most cases less fewest, of those at work"),
    "spread_amount": ("金额差", "Of amount"),
    "spread_amount_hint": ("金额最大差占均值之比", "Most amount less least, as a share of the mean"),
    "fairness": ("公平性：催收员之间最高与最低之差", "Fairness: highest less lowest between collectors"),
    "fairness_hint": (
        "只计在岗且受训的催收员。难度为每案平均分（0–100，越高越难收回）；账龄构成为与队列构成相差的案件数。",
        "Over those at work and trained. Difficulty: points per case, 0 to 100, more is harder; mix: cases off the "
        "queue's mix of buckets and scores.",
    ),
    "measure": ("指标", "Measure"),
    "before_split": ("分配前", "Before the split"),
    "after_split": ("分配后", "After it"),
    "now": ("当前", "Now"),
    "measure_cases": ("案件数", "Cases"),
    "measure_overdue_amount": ("逾期金额", "Overdue amount"),
    "measure_expected_recovery": ("预期回收", "Expected recovery"),
    "measure_difficulty": ("难度", "Difficulty"),
    "measure_exposure": ("账龄构成", "Mix"),
    "split_share": (
        "分配：{cases} 件（保留 {kept}，新分 {given}，收回 {taken_back}）；预期回收 {expected}；难度 {difficulty}",
        "Split: {cases} cases ({kept} kept, {given} given, {taken_back} taken back); expected {expected}; "
        "difficulty {difficulty}",
    ),
    "nobody": ("没有可用的催收员，案件都在抢单池。", "No collector works this queue: its cases are in the grab pool."),
    "absent": ("缺勤", "Absent"),
    "back": ("返岗", "Back"),
    "move": ("移交", "Move"),
    "move_cases": ("移交案件", "Move cases"),
    "hand_over": ("移交", "Hand over"),
    "to": ("给", "To"),
    "to_pool": ("抢单池", "the grab pool"),
    "set_quota": ("设定今日配额", "Set a quota for today"),
    "quota_today": ("今日案件数", "Cases today"),
    "quota_note": ("留空：按规则。下次分配时生效。", "Empty: as the rules say. Counts at the next allocation."),
    "set_batch": ("设定今日每批数量", "Set the batch for today"),
    "batch_today": ("每次抢单数量", "Cases of one grab"),
    "batch_note": ("留空：按规则。立即生效。", "Empty: as the rules say. Holds at once."),
    "mark_absent": ("标记缺勤", "Mark absent"),
    "absent_note": (
        "其全部案件立即分给他人，余下进入抢单池。",
        "All his cases are spread over others at once, the rest goes to the pool.",
    ),
    "mark_present": ("标记返岗", "Mark as back"),
    "present_note": (
        "重新列入名册；已移交的案件不会自动退回。",
        "He is in the roster again; cases given away do not return.",
    ),
    "recall": ("召回", "Recall"),
    "recall_note": ("从委外机构召回案件。", "Takes the cases back from the agencies."),
    "case": ("案件", "Case"),
    "tick_all": ("全选本页", "Tick all of this page"),
    "no_cases_left": ("没有案件。", "No cases."),
    "open_cases": ("待抢案件", "Open cases"),
    "oldest": ("最早", "Oldest"),
    "leased": ("租约中", "Leased"),
    "grabs": ("今日抢单", "Grabs of today"),
    "grabs_none": ("今日尚无人抢单。", "Nobody has grabbed yet today."),
    "expiring": ("即将到期", "Leases that run"),
    "expiring_none": ("没有租约。", "No lease runs."),
    "until": ("到期", "Until"),
    "grab": ("抢单", "Grab"),
    "grab_for": ("代催收员抢单", "Grab for a collector"),
    "how_many": ("数量", "How many"),
    "grab_note": ("留空：按今日每批数量。", "Empty: the batch of today."),
    "give_back": ("退回", "Give back"),
    "pool_empty": ("抢单池为空。", "The pool is empty."),
    "region": ("地区", "Region"),
    "by": ("操作人", "By"),
    "period": ("期间", "Period"),
    "period_1": ("最近一日", "Last day"),
    "period_7": ("近 7 日", "7 days"),
    "period_30": ("近 30 日", "30 days"),
    "period_90": ("近 90 日", "90 days"),
    "recovered": ("回收", "Recovered"),
    "attainment": ("达成率", "Attainment"),
    "recovery_rate": ("回收率", "Recovery rate"),
    "coverage": ("覆盖率", "Coverage"),
    "connect": ("接通率", "Connect"),
    "promise": ("承诺率", "Promises"),
    "kept": ("兑现率", "Kept"),
    "compliance": ("合规", "Compliance"),
    "breaches": ("违规", "breaches"),
    "in_hand": ("在手案件", "In hand"),
    "teams": ("团队", "Teams"),
    "collectors_title": ("催收员", "Collectors"),
    "whole": ("合计", "All"),
    "no_team": ("无团队", "No team"),
    "trend": ("逐日回收与覆盖率", "Recovered and coverage, day by day"),
    "below_target": ("低于目标", "below target"),
    "not_matured": ("该期间没有已结束的业务日。", "No finished day of this period has figures."),
    "not_matured_hint": (
        "业务日结束后，由指标流程（kpi_daily）计算绩效。",
        "A day's performance is known when the day is over and kpi_daily has run.",
    ),
    "finished_days": ("个业务日", "finished days"),
    "done_moved": ("已移交 {n} 个案件给 {to}。", "{n} cases handed over to {to}."),
    "done_quota": ("{collector_id} 今日配额设为 {quota}。", "Quota of {collector_id} is {quota} for today."),
    "done_quota_none": ("{collector_id} 今日配额按规则。", "Quota of {collector_id} is as the rules say."),
    "done_batch": ("{queue} 今日每批 {grab_batch} 个。", "A grab from {queue} takes {grab_batch} today."),
    "done_batch_none": (
        "{queue} 每批按规则：{grab_batch}。",
        "A grab from {queue} takes {grab_batch}, as the rules say.",
    ),
    "done_absent": (
        "{collector_id} 已标记缺勤：{spread} 个案件已分给 {people} 人，{pooled} 个进入抢单池。",
        "{collector_id} is absent: {spread} cases were spread over {people} others, {pooled} went to the pool.",
    ),
    "done_present": ("{collector_id} 已返岗。", "{collector_id} is back."),
    "done_recalled": ("已召回 {n} 个案件。", "{n} cases recalled."),
    "done_grabbed": (
        "{collector_id} 抢到 {n} 个案件，池中还有 {pool_left} 个。",
        "{collector_id} took {n} cases; {pool_left} are left in the pool.",
    ),
    "done_given_back": ("已退回 {n} 个案件。", "{n} cases given back."),
    "reason_sick": ("病假", "sick"),
    "reason_workload": ("工作量调整", "to level the work"),
    "reason_language": ("语言匹配", "language"),
    "reason_complaint": ("客户投诉", "complaint"),
    "reason_training": ("培训", "training"),
}

FEWER: Mapping[str, tuple[str, str]] = {
    "absent": ("缺勤", "absent"),
    "not_trained": ("未受训", "not trained for it"),
    "regions": ("地区限制", "his regions have no more"),
    "languages": ("语言限制", "languages that he does not speak"),
    "seniority": ("资历不足", "amounts that ask for more seniority"),
    "exclusions": ("回避规则", "cases that he must not have"),
    "no_quota": ("无配额", "has no quota"),
    "other_queues": ("其他队列已有案件", "his cases of other queues count"),
    "kept_by_others": ("他人保留原有案件", "others keep what they had"),
    "moved_since": ("分配后已移交或退回", "cases left him since the split"),
    "quota": ("配额已满", "quota reached"),
    "capacity": ("在手已达上限", "limit of cases reached"),
}
"""Why a collector has fewer cases than the mean, by the desk's rule."""

RULES: Mapping[str, tuple[str, str]] = {
    "role.lead": ("只有组长可以这样做。", "Only a lead may do this."),
    "role.viewer": ("您只能查看。", "You may only look."),
    "scope.team": ("该催收员不属于您的团队。", "The collector is of another team."),
    "scope.queue": ("只有全体组长可以更改整个队列。", "A queue is for leads of all teams."),
    "collector.missing": ("请选择催收员。", "Choose a collector."),
    "limit.open_cases": ("该催收员在手案件已达上限。", "The collector has as many open cases as he may have."),
    "limit.grabs_per_day": ("该催收员今日抢单已达上限。", "The collector has grabbed as much as he may today."),
    "limit.capacity": ("该催收员在手案件已达上限。", "The collector has as many cases as he may have."),
    "case.moved": ("案件已由他人移走。", "Somebody else has moved it meanwhile."),
    "case.there_already": ("案件已在那里。", "It is there already."),
    "case.closed": ("案件已结案。", "The case is closed."),
    "collector.absent": ("该催收员今日缺勤。", "The collector is absent today."),
    "collector.region": ("地区不符。", "He does not work in its region."),
    "collector.language": ("语言不符。", "He does not speak its language."),
    "collector.seniority": ("资历不足。", "It asks for more seniority."),
    "collector.excluded": ("回避规则：不得由该催收员处理。", "He must not have it."),
    "collector.not_trained": ("该催收员未受该队列培训。", "He is not trained for its queue."),
    "give_back.not_grabbed": ("只有抢来的案件可以退回。", "Only grabbed cases are given back."),
    "lease.expired": ("租约已到期，案件已回到抢单池。", "The lease is over; the case is back in the pool."),
    "request.invalid": ("填写的内容不符合要求。", "A field has a value that it cannot have."),
    "service.unavailable": ("数据库没有及时回应，请再试一次。", "The warehouse did not answer in time. Try again."),
    "service.busy": ("系统繁忙，请再试一次。", "The service is busy. Try again."),
}
"""Refusals in the reader's language; of others the API's own words are shown with the rule."""

_SCRIPT: Mapping[str, tuple[str, str]] = {
    "signed_out": ("登录已失效，请重新登录后刷新。", "You are signed out. Sign in again and reload."),
    "too_often": ("请求过于频繁，请稍候。", "Too many requests. Wait a moment."),
    "expected": ("应为：{expected}。", "Expected {expected}."),
    "found": ("实际：{found}。", "Found {found}."),
    "failed": ("未成功（{status}）。", "This did not work ({status})."),
    "by_rule": ("{told}（规则 {rule}）", "{told} (rule {rule})"),
    "left_out": ("{n} 个未处理：{why}（规则 {rule}）", "{n} not: {why} (rule {rule})"),
    "lease_until": ("租约至 {time}。", "The lease runs to {time}."),
    "tick_one": ("请至少勾选一个案件。", "Tick at least one case."),
    "ticked": ("已选 {n} / {of}", "{n} of {of} ticked"),
    "no_answer": ("没有收到回应；再次提交不会重复执行。", "No answer came. Sending again does not do it twice."),
}
_LIVE: Mapping[str, tuple[str, str]] = {
    "live": ("实时，更新于 {time}", "Live, {time}"),
    "paused": ("已暂停", "Paused"),
    "lost": ("连接中断，正在重试", "No connection, trying again"),
    "signed_out": ("登录已失效，请重新登录后刷新。", "You are signed out. Sign in again and reload."),
}


def script_words(language: str) -> dict[str, object]:
    """What the script says in `language`."""
    column = 0 if language == "zh" else 1

    def said(words: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        return {key: both[column] for key, both in words.items()}

    return {**said(_SCRIPT), "live": said(_LIVE), "rules": said(RULES)}


def fewer_words(language: str, rules: tuple[str, ...]) -> str:
    """Why somebody has fewer cases, in `language`; a rule without words as it is called."""
    column = 0 if language == "zh" else 1
    return (
        "、".join(FEWER.get(rule, (rule, rule))[0] for rule in rules)
        if column == 0
        else ", ".join(FEWER.get(rule, (rule, rule))[1] for rule in rules)
    )
