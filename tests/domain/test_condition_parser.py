"""The condition language: what it takes, and how it refuses the rest."""

from __future__ import annotations

from typing import Literal

import pytest

from clm.domain.condition import And, Compare, Holds, InSegment, Known, Not, OneOf, Or, Since, Until
from clm.domain.condition_parser import ConditionError, parse_condition, parse_events
from clm.domain.fact import FACTS
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.language import FUNCTIONS, Function, Language
from clm.domain.term import Anniversary, Filter, Happened, Local, Moved, Occurrences, Reacted, UsualGap


@pytest.mark.parametrize("name", FACTS)
def test_the_example_of_every_fact_is_a_condition(name: str) -> None:
    """What `clm facts` prints as an example can be copied into a campaign."""
    fact = FACTS[name]
    assert parse_condition(fact.example, scope="enrolment" if fact.scope == "enrolment" else "contact")


_SHOP = Language(segments={"vip": Holds(FACTS["email_consent"])})


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_the_example_of_every_function_is_a_condition(function: Function) -> None:
    """So can those of functions."""
    scope: Literal["contact", "enrolment"] = "enrolment" if function.scope == "enrolment" else "contact"
    assert parse_condition(function.example, _SHOP, scope)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("email_consent", Holds(FACTS["email_consent"])),
        ("not sms_consent", Not(Holds(FACTS["sms_consent"]))),
        ("email_consent = false", Compare(FACTS["email_consent"], "=", value=False)),
        ("order_count >= 2", Compare(FACTS["order_count"], ">=", 2)),
        ("2 <= order_count", Compare(FACTS["order_count"], ">=", 2)),
        ("order_count <> 2", Compare(FACTS["order_count"], "!=", 2)),
        ("order_count > -1", Compare(FACTS["order_count"], ">", -1)),
        ("country = 'GB'", Compare(FACTS["country"], "=", "GB")),
        ("acquisition_source = 'O''Brien'", Compare(FACTS["acquisition_source"], "=", "O'Brien")),
        ("country in ('GB', 'IE')", OneOf(FACTS["country"], ("GB", "IE"))),
        ("country not in ('GB')", Not(OneOf(FACTS["country"], ("GB",)))),
        ("country is null", Not(Known(FACTS["country"]))),
        ("country is not null", Not(Not(Known(FACTS["country"])))),
        ("days_since(last_order_at) > 90", Since(FACTS["last_order_at"], ">", 90 * DAY_MS)),
        ("0.5 > days_since(signed_up_at)", Since(FACTS["signed_up_at"], "<", 0.5 * DAY_MS)),
        (
            "days_since(last_order_at) between 7 and 21",
            And((Since(FACTS["last_order_at"], ">=", 7 * DAY_MS), Since(FACTS["last_order_at"], "<=", 21 * DAY_MS))),
        ),
        ("hours_since(last_order_at) >= 4", Since(FACTS["last_order_at"], ">=", 4 * HOUR_MS)),
        ("days_until(next_order_expected_at) <= 3", Until(FACTS["next_order_expected_at"], "<=", 3 * DAY_MS)),
        (
            "days_since(last_order_at) > usual_gap(0.8, 90)",
            Since(FACTS["last_order_at"], ">", UsualGap(0.8, 90 * DAY_MS)),
        ),
        (
            "usual_gap(0.8, 90) < days_since(last_order_at)",
            Since(FACTS["last_order_at"], ">", UsualGap(0.8, 90 * DAY_MS)),
        ),
        ("did('viewed', 7)", Compare(Occurrences("viewed", 7 * DAY_MS), ">=", 1)),
        ("did('viewed', 7, 2)", Compare(Occurrences("viewed", 7 * DAY_MS), ">=", 2)),
        (
            "did('viewed', category = 'tea', within = 7, score >= 9)",
            Compare(
                Occurrences("viewed", 7 * DAY_MS, (Filter("category", "=", "tea"), Filter("score", ">=", 9))), ">=", 1
            ),
        ),
        ("last('viewed') > last_order_at", Compare(Happened("last", "viewed"), ">", FACTS["last_order_at"])),
        ("first('trial_started') is null", Not(Known(Happened("first", "trial_started")))),
        ("entered_group('at_risk', 7)", Holds(Moved("entered", "group", "at_risk", 7 * DAY_MS))),
        ("anniversary(born_on)", Holds(Anniversary(FACTS["born_on"], "UTC"))),
        (
            "order_count between 2 and 2",
            And((Compare(FACTS["order_count"], ">=", 2), Compare(FACTS["order_count"], "<=", 2))),
        ),
        ("p_alive <= 1", Compare(FACTS["p_alive"], "<=", 1)),
        ("zone = 'Asia/Calcutta'", Compare(FACTS["zone"], "=", "Asia/Calcutta")),
        ("local_hour >= 9", Compare(Local("hour", "UTC"), ">=", 9)),
        ("local_weekday in ('sat')", OneOf(Local("weekday", "UTC"), ("sat",))),
        ("signed_up_at >= '2026-01-01'", Compare(FACTS["signed_up_at"], ">=", 1_767_225_600_000)),
        ("'2026-01-01' <= now", Compare(FACTS["now"], ">=", 1_767_225_600_000)),
        ("first_order_id = last_order_id", Compare(FACTS["first_order_id"], "=", FACTS["last_order_id"])),
        (
            "last_order_at > first_order_at AND (email_consent OR sms_consent)",
            And(
                (
                    Compare(FACTS["last_order_at"], ">", FACTS["first_order_at"]),
                    Or((Holds(FACTS["email_consent"]), Holds(FACTS["sms_consent"]))),
                )
            ),
        ),
    ],
)
def test_a_condition_means_what_it_says(text: str, tree: object) -> None:
    """Facts, comparisons, and/or/not, in, between, is null and days_since are the language."""
    assert parse_condition(text) == tree


@pytest.mark.parametrize(("per_major", "minor"), [(100, 20_050), (1, 200), (1_000, 200_500)])
def test_money_is_written_in_pounds_and_kept_in_pence(per_major: int, minor: int) -> None:
    """`revenue > 200.50` means what a marketer reads, whatever the currency's minor unit is."""
    assert parse_condition("revenue > 200.50", Language(minor_per_major=per_major)) == Compare(
        FACTS["revenue"], ">", minor
    )


REFUSED = [
    # text, place, words of the message
    ("order_cuont > 2", 0, "`order_cuont` is not a fact; did you mean `order_count`?"),
    ("ORDER_COUNT > 2", 0, "did you mean `order_count`?"),
    ("order_count > 1 and emial_consent", 20, "did you mean `email_consent`?"),
    ("shop.country = 'GB'", 0, "`shop.country` is not a fact; did you mean `country`?"),
    ('country = "GB"', 10, "texts stand in single quotes: 'GB'"),
    ("country = 'GB", 0, "a quote that is never closed"),
    ("order_count", 0, "is a number, not true or false; compare it, e.g. order_count >= 2"),
    ("order_count = 'two'", 14, "is a number and cannot be compared with `'two'`"),
    ("country = 3", 10, "is a text and cannot be compared with `3`"),
    ("country in ('GB', 3)", 18, "is a text and cannot be compared with `3`"),
    ("order_count between 5 and 2", 20, "write the lower bound first: order_count between 2 and 5"),
    ("revenue not between 5 and 2.5", 20, "nothing lies between 5 and 2.5"),
    ("days_since(last_order_at) between 30 and 10", 34, "nothing lies between 30 and 10; write the lower bound first"),
    ("hours_until(next_order_expected_at) between 3 and 1", 44, "nothing lies between 3 and 1"),
    ("now between '2026-02-01' and '2026-01-01'", 12, "between '2026-01-01' and '2026-02-01'"),
    ("local_hour between 22 and 6", 19, "write local_hour >= 22 or local_hour <= 6"),
    ("local_hour = 24", 13, "`local_hour` lies between 0 and 23"),
    ("local_hour in (9, -1)", 0, "`local_hour` lies between 0 and 23"),
    ("local_hour between 9 and 30", 25, "`local_hour` lies between 0 and 23"),
    ("p_alive < 50", 10, "`p_alive` lies between 0 and 1"),
    ("country = 'gb'", 10, "`country` is never 'gb'; write the two capital letters of its ISO code, e.g. 'GB'"),
    ("country in ('GB', 'Ireland')", 18, "`country` is never 'Ireland'"),
    ("country = 'ÄÖ'", 10, "`country` is never 'ÄÖ'"),
    ("zone != 'London'", 8, "`zone` is never 'London'; write the IANA name of a time zone, e.g. 'Europe/London'"),
    ("now < '9999-12-31T23:59:59-12:00'", 6, "is not a date; write '2026-01-31'"),
    ("now > '0001-01-01T00:00:00+12:00'", 6, "is not a date; write '2026-01-31'"),
    ("country = null", 0, "cannot be compared with `NULL`"),
    ("country > 'GB'", 0, "is a text, which has no order; use =, != or in"),
    ("country between 'A' and 'F'", 0, "is a text, which has no order"),
    ("email_consent >= sms_consent", 0, "is true or false; write `email_consent` or `not email_consent`"),
    ("email_consent is true", 0, "only `is null` and `is not null` can follow a fact"),
    ("revenue > order_count", 10, "an amount of money and `order_count` is a number; they cannot be compared"),
    ("revenue > 1e400", 10, "numbers lie between"),
    ("order_count > 10000000000000", 14, "numbers lie between"),
    ("country = '\x00'", 10, "holds a control character"),
    ("last_order_at > 3", 16, "is a time; write days_since(last_order_at) > a number of days, or a date '2026-01-31'"),
    ("signed_up_at > 'soon'", 15, "`soon` is not a date; write '2026-01-31'"),
    ("signed_up_at = '2026-01-31'", 15, "a time hardly ever equals another"),
    ("last_order_at in (3)", 0, "is a time; use days_since(last_order_at) between … and …"),
    ("days_since(last_order_at)", 0, "is a number, not true or false; compare it"),
    ("days_since(now) > 3", 11, "not a time of the contact"),
    ("days_since(order_count) > 3", 11, "is a number, not a time"),
    ("days_since(last_order_at, 3) > 3", 0, "takes one time fact, e.g. days_since(last_order_at)"),
    ("days_since() > 3", 0, "takes one time fact"),
    ("days_snce(last_order_at) > 3", 0, "is not a function; did you mean `days_since`?"),
    ("days_since(last_order_at) = 3", 0, "hardly ever equal to another; use `between 3 and 4`"),
    ("days_since(last_order_at) > 'x'", 28, "is compared with a number of days"),
    ("days_since(last_order_at) > days_since(first_order_at)", 0, "is compared with a number of days"),
    ("days_since(last_order_at) > -1", 0, "a number of days lies between 0 and 36,500"),
    ("order_count > days_since(last_order_at)", 14, "put days_since(…) by itself on one side"),
    ("ordered_since_entry", 0, "exists only after entering; use it in `unless`, `goal`, `exit` or a step"),
    ("days_since(entered_at) > 3", 11, "exists only after entering"),
    ("order_count between symmetric 5 and 1", 0, "is not part of the condition language"),
    ("did('viewed')", 0, "did looks back without end; say how many days: did('viewed', within = 30)"),
    ("did(viewed, 7)", 0, "did takes the name of an event in quotes, e.g. did('viewed_category'"),
    ("did('Viewed', 7)", 4, "an event's name is lower-case letters, digits and _"),
    ("did('viewed', 7, 0)", 17, "at_least is a whole number from 1 to 1,000"),
    ("did('viewed', 7, within = 7)", 14, "`within` is given twice"),
    ("did('viewed', 7, 1, 3)", 0, "properties are named"),
    ("did('viewed', 9999)", 14, "a number of days above 0, up to 3,650"),
    ("did('viewed', 7, category > 'tea')", 28, "which has no order; use = or !="),
    ("did('viewed', 7) > 2", 0, "`did` is true or false by itself; it is not compared"),
    ("last('viewed')", 0, "`LAST('viewed')` is a time, not true or false; compare it"),
    ("usual_gap(0.8, 90)", 0, "is compared with days since a time"),
    ("days_since(last_order_at) > usual_gap(0.7, 90)", 38, "the quantile of usual_gap is one of 0.5, 0.8, 0.9"),
    ("hours_since(last_order_at) > usual_gap(0.8, 90)", 29, "usual_gap(…) is compared with days_since(…)"),
    ("in_segment('vp')", 11, "there is no segment `vp`; there is no segment yet"),
    ("clicked('news')", 0, "`clicked` exists only after entering"),
    ("did_since_entry('viewed')", 0, "exists only after entering"),
    ("entered_group('at_risk')", 0, "takes a group and a number of days, e.g. entered_group('at_risk', 7)"),
    ("anniversary(order_count)", 12, "is a number, not a time of the contact"),
    ("local_weekday = 'saturday'", 16, "`local_weekday` is never 'saturday'; did you mean `sat`?"),
    ("local_hour > order_count", 13, "local time is compared with constants"),
    ("1 = 1", 0, "a comparison needs a fact on one side"),
    ("true", 0, "is not part of the condition language"),
    ("revenue + 1 > 3", 0, "a comparison needs a fact on one side"),
    ("lower(country) = 'gb'", 0, "`lower` is not a function"),
    ("country like 'G%'", 0, "is not part of the condition language; use facts, comparisons"),
    ("country = 'G' || 'B'", 0, "cannot be compared with"),
    ("order_count = $1", 0, "is not a fact"),
    ("email_consent sms_consent", 0, "is not part of the condition language"),
    ("order_count > 1 and", 16, "is not a condition near `and`"),
    ("country = 'GB' limit 1", 15, "is not a condition near `limit`"),
    ("", 0, "must be one condition"),
    (";", 0, "must be one condition, without `;`"),
    ("email_consent; drop table contacts", 0, "must be one condition, without `;`"),
    ("drop table contacts", 0, "is not part of the condition language"),
    ("select 1", 0, "is not part of the condition language"),
    ("email_consent or (select true)", 0, "is not part of the condition language"),
    ("exists (select 1)", 0, "is not part of the condition language"),
    ("country in (select 'GB')", 0, "is followed by values in brackets"),
    ("email_consent union select 1", 0, "is not part of the condition language"),
    ("case when email_consent then true end", 0, "is not part of the condition language"),
    ("email_consent -- and sms_consent", 0, "holds a comment"),
    ("email_consent /* and */ or sms_consent", 0, "holds a comment"),
    ("(" * 300 + "email_consent" + ")" * 300, 0, "more than 20 deep"),
    ("not " * 400 + "email_consent", 0, "more than 20 deep"),
    ("email_consent" + " and email_consent" * 200, 0, "longer than 2,000 characters"),
]


@pytest.mark.parametrize(("text", "place", "says"), REFUSED, ids=[text[:40] for text, _, _ in REFUSED])
def test_what_is_not_in_the_language_is_refused_with_the_place_and_a_remedy(text: str, place: int, says: str) -> None:
    """Whatever somebody writes is either a condition or a ConditionError that points at it and says what to write."""
    with pytest.raises(ConditionError) as refusal:
        parse_condition(text)
    assert says in str(refusal.value)
    assert 0 <= refusal.value.offset <= len(text)
    if place:
        assert refusal.value.offset == place


@pytest.mark.parametrize("scope", ["contact", "enrolment"])
def test_facts_of_an_enrolment_are_for_after_entering(scope: Literal["contact", "enrolment"]) -> None:
    """`enter.when` cannot speak of having entered; `unless` and `goal` can."""
    if scope == "enrolment":
        assert parse_condition("ordered_since_entry", scope=scope) == Holds(FACTS["ordered_since_entry"])
        return
    with pytest.raises(ConditionError, match="use it in `unless`, `goal`"):
        parse_condition("ordered_since_entry", scope=scope)


def test_names_that_a_project_gives_are_checked() -> None:
    """A misspelt segment, group, stage or step would match nobody for ever, so it is refused with the nearest name."""
    language = Language(
        segments={"vip": Holds(FACTS["email_consent"])}, groups=("at_risk",), stages=("retention",), steps=("news",)
    )
    assert parse_condition("in_segment('vip')", language) == InSegment("vip", Holds(FACTS["email_consent"]))
    assert parse_condition("clicked('news')", language, "enrolment") == Holds(Reacted("clicked", "news"))
    for text, told in (
        ("in_segment('vp')", "there is no segment `vp`; did you mean `vip`? (known: vip)"),
        ("entered_group('at_rsk', 7)", "there is no group `at_rsk`; did you mean `at_risk`?"),
        ("rfm_group = 'at_rsk'", "`rfm_group` is never 'at_rsk'; did you mean `at_risk`?"),
        ("stage in ('retentoin')", "`stage` is never 'retentoin'; did you mean `retention`?"),
        ("left_stage('retentoin', 7)", "there is no stage `retentoin`; did you mean `retention`?"),
        ("clicked('nws')", "there is no step `nws`; did you mean `news`?"),
    ):
        with pytest.raises(ConditionError) as refusal:
            parse_condition(text, language, "enrolment")
        assert told in str(refusal.value)


def test_dates_are_midnights_of_the_shop() -> None:
    """`now >= '2026-07-01'` begins when the day begins where the shop is, whatever the server's clock says."""
    language = Language(zone="Asia/Tehran")
    expected = 1_782_864_000_000 - round(3.5 * HOUR_MS)
    assert parse_condition("now >= '2026-07-01'", language) == Compare(FACTS["now"], ">=", expected)


def test_what_names_an_enrolment_is_one_event_or_the_latest_of_some() -> None:
    """`once_per`: with properties as in conditions, and nothing but events."""
    low, opened = Happened("last", "answered", (Filter("score", "<=", 6),)), Happened("last", "opened")
    assert parse_events("last( 'answered', score <= 6 ) or last('opened')") == (low, opened)
    assert parse_events("first('opened')") == (Happened("first", "opened"),)
    for text, told in (
        ("first('a') or last('b')", "of several events the latest counts; write last(…) for each"),
        ("last('a') or order_count", "it is no event, nor up to 5 of them"),
        ("last('a') and last('b')", "it is no event, nor up to 5 of them"),
        ("did('a', 7)", "it is no event, nor up to 5 of them"),
        (" or ".join(["last('a')"] * 6), "nor up to 5 of them with `or` between"),
        ("last('a'", "is not a condition"),
    ):
        with pytest.raises(ConditionError) as refusal:
            parse_events(text)
        assert told in str(refusal.value)
