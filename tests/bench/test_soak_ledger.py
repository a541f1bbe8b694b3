# SPDX-License-Identifier: Apache-2.0
"""What a soak must notice: each kind of loss, and whatever grows."""

import soak_ledger
from soak_ledger import Bounds, Numbers, Sample, Tally, judge_numbers, judge_process, plan

SENT, WINDOW = 1000, 100


def read(messages, dead=()):
    numbers = Numbers()
    for n in messages:
        numbers.add((n,), n in dead)
    return numbers


def found(numbers, sent=SENT, **options):
    return " | ".join(judge_numbers("it", numbers, sent, WINDOW, **options))


def samples(rss=lambda at: 10000, seconds=3600, descriptors=lambda at: 20, threads=lambda at: 9,
            life=1):
    return [Sample(at, life, True, True, rss(at), descriptors(at), threads(at))
            for at in range(0, seconds, 10)]


def test_numbers_that_are_all_stored_once_are_believed():
    assert found(read(range(SENT), dead=(5, 42))) == ""


def test_a_number_that_is_not_stored_is_named():
    assert "2 of 1000 are not stored, such as 7, 500" in found(
        read(n for n in range(SENT) if n not in (7, 500)))


def test_the_last_numbers_are_missed_too():
    assert "3 of 1000 are not stored, such as 997, 998, 999" in found(read(range(SENT - 3)))


def test_a_number_that_is_stored_twice_is_named():
    assert "1 of 1000 are stored more than once, such as 7" in found(
        read([*range(SENT), 7]), ordered=False)


def test_a_number_that_nobody_sent_is_noticed():
    assert "1 are stored that were never sent" in found(read(range(SENT + 1)))


def test_a_message_may_be_late_by_a_window_and_no_more():
    late = [*range(1, WINDOW + 1), 0, *range(WINDOW + 1, SENT)]
    assert found(read(late)) == ""
    late = [*range(1, WINDOW + 2), 0, *range(WINDOW + 2, SENT)]
    assert "comes 101 places late, 100 are allowed" in found(read(late))
    assert found(read(late), ordered=False) == ""


def test_dead_letters_have_an_order_of_their_own():
    dead = range(0, SENT, 2)
    assert found(read([*range(1, SENT, 2), *dead], dead=dead)) == ""


def test_what_is_read_again_counts_once():
    numbers = read(range(SENT - 10))
    undone = [numbers.add((n,), False) for n in range(SENT - 10, SENT)]
    for added in reversed(undone):
        numbers.undo(added)
    # The server forgot the last two of them; they come back in another order.
    for n in (*range(SENT - 10, SENT - 2), SENT - 1, SENT - 2):
        numbers.add((n,), False)
    assert found(numbers) == "" and numbers.late == 1


def test_a_tally_counts_like_a_list():
    sizes, tally = [1, 0, 20, 1, 0], Tally()
    for size in sizes:
        tally.append(size)
    assert len(tally) == len(sizes)
    assert [tally.count(n) for n in (0, 1, 20, 7)] == [sizes.count(n) for n in (0, 1, 20, 7)]


def test_what_stays_as_it_is_is_believed():
    assert judge_process(samples(), Bounds()) == []
    assert judge_process(samples(rss=lambda at: 10000 + at % 70), Bounds()) == []


def test_memory_that_grows_steadily_is_noticed():
    findings = judge_process(samples(rss=lambda at: 10000 + at * 2048 // 3600), Bounds())
    assert findings == ["the resident set grows by 2048 KiB an hour, 1024 are allowed"]
    assert judge_process(samples(rss=lambda at: 10000 + at * 2048 // 3600),
                         Bounds(memory=False)) == []


def test_memory_that_grows_with_every_outage_is_noticed_and_a_single_step_is_not():
    steps = samples(rss=lambda at: 10000 + at // 300 * 200)
    assert "the resident set grows by 2298 KiB an hour" in judge_process(steps, Bounds())[0]
    assert judge_process(samples(rss=lambda at: 10000 + (at > 2400) * 700), Bounds()) == []
    assert judge_process(samples(rss=lambda at: min(at, 1500) * 4), Bounds()) == []


def test_a_short_run_is_judged_by_growth_and_not_by_its_slope():
    little = samples(rss=lambda at: 10000 + at * 10, seconds=120)
    assert soak_ledger.slope(little) > 30000 and judge_process(little, Bounds()) == []
    much = samples(rss=lambda at: 10000 + at * 200, seconds=120)
    assert "the resident set grew by" in judge_process(much, Bounds())[0]


def test_a_descriptor_or_thread_that_stays_is_noticed_and_one_that_passes_is_not():
    leak = samples(descriptors=lambda at: 20 + at // 3000)
    assert judge_process(leak, Bounds()) == [
        "the number of descriptors at rest is not constant: 20 at first, 21 at the end"]
    assert "threads" in judge_process(samples(threads=lambda at: 9 + at // 2000), Bounds())[0]
    assert judge_process(samples(descriptors=lambda at: 20 + (at == 1800)), Bounds()) == []


def test_only_the_last_life_at_rest_is_compared():
    earlier = [Sample(0, 1, True, True, 90000, 99, 99)] * 20
    away = [Sample(0, 2, False, True, 90000, 99, 99)] * 20
    cold = [Sample(0, 2, True, False, 90000, 99, 99)] * 20
    assert judge_process([*earlier, *away, *cold, *samples(life=2)], Bounds()) == []


def test_too_few_samples_are_not_called_constant():
    assert "too few to judge" in judge_process(samples()[:7], Bounds())[0]


def test_a_plan_kills_stops_restarts_and_reloads_and_the_first_outages_are_the_longest():
    events = plan(3600, 300, 30)
    assert [e.what for e in events if e.what != "reload"] == [
        "kill-server", "restart", "stop-server", "kill-server", "stop-server", "kill-server",
        "stop-server", "kill-server", "stop-server", "kill-server", "stop-server", "kill-server"]
    holds = [e.hold for e in events if e.hold]
    assert holds[:3] == [30, 30, 30] and all(1 <= h < 30 for h in holds[3:])
    assert sum(e.what == "reload" for e in events) == 11
    assert events == sorted(events, key=lambda e: e.at)
    assert all(b.at >= a.at + a.hold + 5 for a, b in zip(events, events[1:]))
    assert events[-1].at + 5 < 3600
