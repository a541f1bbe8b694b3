# SPDX-License-Identifier: Apache-2.0
"""The checker finds each kind of lie and names it, and believes a ledger that holds."""

import dataclasses
import itertools

import pytest

import schedule
from checker import WINDOW, Evidence, Listener, Stored, can_hold, check, disorder, ranges

SENT, DEAD = 1000, (5, 42)


def ledger(sent=SENT, **changes):
    dead = len(DEAD)
    return {"received": sent, "decoded": sent - dead, "deadlettered": dead, "dropped": 0,
            "records": sent - dead, "recovered": 0, "stored": sent - dead, "stored_dead": dead,
            "queued": 0, "dropped_records": 0, "kernel_drops": 0, "balanced": True, **changes}


def stored(numbers, listener=0):
    return [Stored(listener, n in DEAD, (n,), f"run-{listener}-{n}") for n in numbers]


def evidence(numbers=range(SENT), durability="always", **changes):
    """Everything was sent, counted and stored once."""
    listener = Listener("listener 0", SENT, 0, [ledger()], {}, {})
    return Evidence(durability, [listener], stored(numbers), **changes)


def found(e):
    return " | ".join(f"{f.what}: {f.text}" for f in check(e))


def with_ledger(e, **changes):
    e.listeners[0].lives[-1].update(changes)
    return e


def test_a_ledger_that_holds_is_believed():
    assert check(evidence()) == []


def test_a_lost_record_is_named():
    text = found(evidence([n for n in range(SENT) if n not in (7, 8, 9, 500)]))
    assert "4 of 1000 are not in the stream and 0 are counted" in text
    assert "not there: 7-9, 500" in text
    assert "stored of listener 0: the stream has 994, stored says 998" in text


def test_a_record_that_is_stored_and_counted_as_lost_is_named():
    e = with_ledger(evidence(kills=1), received=SENT, decoded=SENT - 3, dropped=1,
                    records=SENT - 3, stored=SENT - 3)
    e.listeners[0].dropped["killed"] = 1
    assert "0 of 1000 are not in the stream and 1 are counted" in found(e)


def test_a_doubled_record_is_named():
    e = evidence()
    e.stream.append(Stored(0, False, (77,), "other-1"))
    assert "once from listener 0: 77 is stored 2 times: run-0-77, other-1" in found(e)


def test_a_doubled_id_is_named():
    e = evidence()
    e.stream[3] = e.stream[3]._replace(id="run-0-4")
    assert "Nats-Msg-Id run-0-4 is there 2 times" in found(e)


def test_a_record_out_of_its_window_is_named_and_one_within_is_not():
    sent = WINDOW + 1000
    def late(places):
        numbers = [n for n in range(sent) if n != 100]
        numbers.insert(100 + places, 100)
        e = Evidence("always", [Listener("listener 0", sent, 0, [ledger(sent)], {}, {})],
                     stored(numbers))
        return found(e)
    assert late(WINDOW) == ""
    assert f"messages come up to {WINDOW + 1} places late" in late(WINDOW + 1)


def test_records_and_dead_letters_have_an_order_each():
    numbers = [n for n in range(SENT) if n not in DEAD] + list(DEAD)
    assert check(evidence(numbers)) == []


def test_a_record_that_nobody_sent_is_named():
    e = evidence()
    e.stream += [Stored(0, False, (SENT,), "x"), Stored(None, False, None, "y")]
    assert "stored but never sent: 1000" in found(e)
    assert "1 messages that nobody sent: ['y']" in found(e)


def test_inputs_that_vanish_before_they_are_received_are_named():
    e = with_ledger(evidence(range(SENT - 10)), received=SENT - 10, decoded=SENT - 12,
                    records=SENT - 12, stored=SENT - 12)
    assert "inputs of listener 0: sent 1000 is not received 990 + kernel_drops 0 = 990: +10" \
        in found(e)


def test_kernel_drops_must_be_the_sockets_own():
    e = with_ledger(evidence(range(SENT - 10)), received=SENT - 10, decoded=SENT - 12,
                    records=SENT - 12, stored=SENT - 12, kernel_drops=10)
    assert "kernel drops of listener 0: the socket's 0 is not kernel_drops 10" in found(e)
    e.listeners[0].socket_drops = 10
    assert check(e) == []


@pytest.mark.parametrize("change, name", [({"decoded": 990}, "balance of inputs"),
                                          ({"stored": 990}, "balance of records"),
                                          ({"recovered": 3}, "balance of records"),
                                          ({"balanced": False}, "balance of listener 0")])
def test_a_sum_that_does_not_come_out_is_named(change, name):
    assert name in found(with_ledger(evidence(), **change))


def lost(kind, reason, count, **changes):
    """`count` records at the end are lost and counted under a reason."""
    e = evidence(range(SENT - count), **changes)
    fewer = SENT - count - 2
    if kind == "dropped":
        with_ledger(e, dropped=count, decoded=fewer, records=fewer, stored=fewer)
    else:
        with_ledger(e, dropped_records=count, stored=fewer)
    getattr(e.listeners[0], kind)[reason] = count
    return e


def test_a_loss_that_the_schedule_explains_is_believed():
    assert check(lost("dropped", "killed", 64, kills=1)) == []
    assert check(lost("dropped", "killed", 65, kills=2)) == []
    assert check(lost("dropped", "queue_full", 200, disk_faults=1)) == []
    assert check(lost("dropped_records", "damaged", 300, corruptions=1)) == []
    assert check(lost("dropped_records", "missing", 300, corruptions=1)) == []
    assert check(lost("dropped_records", "killed", 300, corruptions=1, kills=1)) == []


@pytest.mark.parametrize("kind, reason, count, changes", [
    ("dropped", "killed", 65, {"kills": 1}), ("dropped", "killed", 1, {}),
    ("dropped", "queue_full", 1, {"kills": 1}), ("dropped", "because", 1, {"disk_faults": 1}),
    ("dropped_records", "damaged", 1, {}), ("dropped_records", "missing", 1, {"kills": 1}),
    ("dropped_records", "killed", 1, {"corruptions": 1}), ("dropped_records", "killed", 1, {"kills": 1})])
def test_a_loss_that_nothing_explains_is_named(kind, reason, count, changes):
    assert f"{reason} {count}, and the schedule explains at most" in found(
        lost(kind, reason, count, **changes))


def test_a_loss_without_a_reason_is_named():
    e = lost("dropped", "killed", 5, kills=1)
    e.listeners[0].dropped = {}
    assert "reasons of dropped of listener 0: dropped 5 is not no reason 0" in found(e)


def test_corruption_may_count_what_was_stored_but_never_less_than_is_lost():
    assert check(with_loss(counted=300, missing=250)) == []
    assert "losses of listener 0: 301 of 1000" in found(with_loss(counted=300, missing=301))


def with_loss(counted, missing):
    e = lost("dropped_records", "damaged", counted, corruptions=1)
    e.stream = stored(range(SENT - missing))
    return e


def test_what_is_left_in_memory_at_an_exit_counts_as_lost():
    left = {"stored": SENT - 2 - 30, "queued": 30}
    e = with_ledger(evidence(range(SENT - 30), "memory"), **left)
    assert check(e) == []
    e = with_ledger(evidence(range(SENT - 30), "spill"), **left)
    assert "rest of listener 0: 30 still queued" in found(e)


def test_the_ledgers_of_several_lives_add_up():
    e = evidence(durability="memory")
    first = {k: v // 2 if k != "balanced" else v for k, v in ledger().items()}
    second = {k: v - first[k] if k != "balanced" else v for k, v in ledger().items()}
    e.listeners[0].lives = [first, second]
    assert check(e) == []
    second["balanced"] = False
    assert "ledger 2 of 2" in found(e)


def test_what_must_stay_zero_is_named():
    assert "output_unexpected_duplicates_total is 2" in found(evidence(unexpected_duplicates=2))
    assert "output_garbage_acks_total is 1" in found(evidence(garbage_acks=1))
    assert "run: it ended" in found(evidence(complaints=["it ended"]))


def test_a_listener_answers_for_its_own_records_only():
    e = evidence()
    e.listeners.append(dataclasses.replace(e.listeners[0], name="listener 1", lives=[ledger()]))
    e.stream += stored(range(SENT - 1), 1)
    assert "listener 0" not in found(e)
    assert "losses of listener 1: 1 of 1000" in found(e)


def test_disorder_counts_places_and_not_numbers():
    assert disorder([1, 2, 3]) == 0
    assert disorder([1, 900, 2, 3]) == 2
    assert disorder([1, 2, 3, 1]) == 0  # a second copy is no disorder but a fault of its own


def test_numbers_are_shown_as_ranges():
    assert ranges([3, 1, 2, 7]) == "1-3, 7"
    assert ranges(range(0, 100, 2), 2) == "0, 2 and 48 more ranges"


# ---- Datagrams of several flows ----

FLOWS, DATAGRAMS = 20, 50


def flows(numbers, read=DATAGRAMS, templates=1, **changes):
    """Datagrams of flows, behind one with templates, of which `numbers` are stored."""
    numbers = list(numbers)
    life = ledger(received=DATAGRAMS + 1, decoded=read, consumed=templates, deadlettered=0,
                  dropped=DATAGRAMS + 1 - read - templates, records=read * FLOWS,
                  stored=len(numbers), stored_dead=0, dropped_records=read * FLOWS - len(numbers))
    listener = Listener("listener 0", DATAGRAMS * FLOWS, 0, [life],
                        sizes=[0] + [FLOWS] * DATAGRAMS)
    listener.consumed = {"templates": templates} if templates else {}
    listener.dropped = {"killed": life["dropped"]} if life["dropped"] else {}
    listener.dropped_records = {"damaged": life["dropped_records"]} if life[
        "dropped_records"] else {}
    return Evidence("always", [listener], [Stored(0, False, (n,), f"run-{n}") for n in numbers],
                    kills=1, **changes)


def all_but(*ranges_):
    gone = {n for r in ranges_ for n in r}
    return [n for n in range(DATAGRAMS * FLOWS) if n not in gone]


def test_a_datagram_that_was_not_read_stands_for_all_its_flows():
    assert check(flows(all_but())) == []
    e = flows(all_but(range(20, 60)), read=DATAGRAMS - 2)
    assert check(e) == []
    e.stream.pop()
    assert "losses of listener 0: 41 of 1000" in found(e)
    assert "2 datagrams were not read, 0 of them templates" in found(e)


def test_flows_of_datagrams_that_were_read_are_no_datagram_that_was_not():
    parts = [range(i * FLOWS, i * FLOWS + 10) for i in range(4)]  # halves of four
    assert "losses of listener 0: 40 of 1000" in found(flows(all_but(*parts), DATAGRAMS - 2))


def test_a_loss_of_single_flows_and_of_whole_datagrams_adds_up():
    e = flows(all_but(range(20, 60), range(100, 105)), DATAGRAMS - 2, corruptions=1)
    assert check(e) == []
    e.listeners[0].dropped_records = {}
    assert "reasons of dropped_records" in found(e)


def test_templates_that_were_not_read_cost_no_flow():
    assert check(flows(all_but(), templates=0)) == []
    e = flows(all_but(range(20)), DATAGRAMS - 1, templates=0)
    assert check(e) == []
    e.stream = e.stream[20:]  # as if both that were killed had had flows
    assert "losses of listener 0: 40 of 1000" in found(e)


def test_data_that_waits_for_a_template_is_named():
    e = flows(all_but())
    e.listeners[0].consumed = {"waiting": 1}
    assert "reasons of consumed of listener 0: waiting 1, and the schedule explains" in found(e)


def test_a_message_of_several_flows_has_one_id_and_one_place():
    e = flows(all_but(), batch=50)
    e.stream = [Stored(0, False, tuple(range(i, i + 50)), f"run-{i}") for i in range(0, 1000, 50)]
    assert check(e) == []
    e.stream[3] = e.stream[3]._replace(numbers=e.stream[3].numbers[::-1])
    assert "order of listener 0: within run-150" in found(e)
    e.stream[3] = e.stream[3]._replace(id="run-0", numbers=e.stream[3].numbers[::-1])
    assert "Nats-Msg-Id run-0 is there 2 times" in found(e)


@pytest.mark.parametrize("sizes, count, low, high, can", [
    ({}, 0, 0, 0, True), ({}, 0, 1, 9, False), ({}, 1, 0, 9, False), ({1: 5}, 0, -3, 4, True),
    ({1: 5}, 5, 5, 5, True), ({1: 5}, 6, 6, 6, False), ({1: 5}, 4, 5, 5, False),
    ({1: 3, 20: 2, 21: 1}, 3, 42, 42, True), ({1: 3, 20: 2, 21: 1}, 3, 41, 41, True),
    ({1: 3, 20: 2, 21: 1}, 3, 43, 60, False), ({1: 3, 20: 2, 21: 1}, 6, 64, 64, True),
    ({1: 3, 20: 2, 21: 1}, 7, 0, 99, False)])
def test_datagrams_that_hold_so_many_numbers_are_found(sizes, count, low, high, can):
    assert can_hold(sizes, count, low, high) == can


# ---- Schedules ----

def test_a_seed_has_one_schedule():
    for seed in range(100):
        assert str(schedule.make(seed)) == str(schedule.make(seed))
        assert schedule.make(seed) == schedule.make(seed)
    assert schedule.make(1).faults != schedule.make(7).faults


def test_what_goes_wrong_does_not_depend_on_the_program():
    for seed in range(100):
        plans = [schedule.make(seed, program) for program in schedule.PROGRAMS]
        assert len({str((p.faults, p.listeners, p.buffer, p.tenants)) for p in plans}) == 1


def test_faults_follow_each_other_and_end_with_the_load():
    for seed in range(200):
        plan = schedule.make(seed)
        end = 0
        for fault in plan.faults:
            assert fault.at > end, plan
            end = fault.at + fault.hold
            assert end <= plan.duration + 0.2, plan


def test_only_always_is_asked_to_survive_a_kill():
    for seed in range(200):
        plan = schedule.make(seed)
        kinds = {f.kind for f in plan.faults}
        kills = "kill-collector" in kinds or any(
            f.detail.get("collector") == "kill" for f in plan.faults)
        assert plan.durability == "always" or not kills


def test_consecutive_seeds_cover_every_durability_and_fault():
    plans = [schedule.make(seed) for seed in range(24)]
    assert {(p.program, p.durability) for p in plans} == set(
        itertools.product(schedule.PROGRAMS, schedule.DURABILITIES))
    assert {f.kind for p in plans for f in p.faults} == set(schedule.KINDS)


# ---- Requests, which are sent again until they are answered ----

def requests(numbers=range(SENT), again=0, unanswered=(), early=False, **changes):
    """All were sent, and `again` of them once more, which were known and made no record."""
    sizes = [1] * SENT + [0] * again
    life = ledger(SENT + again, decoded=SENT, deadlettered=0, consumed=again, records=SENT,
                  stored=SENT, stored_dead=0, **changes)
    listener = Listener("listener 0", SENT, 0, [life], consumed={"duplicates": again} if again
                        else {}, sizes=sizes, requests=True, early=early, unanswered=unanswered)
    return Evidence("always", [listener],
                    [Stored(0, False, (n,), f"id-{n}") for n in numbers])


def test_requests_that_are_answered_and_stored_once_are_believed():
    assert check(requests()) == []
    assert check(requests(again=70)) == []


def test_a_request_that_is_answered_and_not_stored_is_named():
    text = found(requests([n for n in range(SENT) if n not in (3, 4)]))
    assert "2 are answered and not in the stream, and 0 are counted as damaged: 3-4" in text


def test_a_request_without_an_answer_at_the_end_is_named():
    assert "answers of listener 0: 1 have none: 9" in found(requests(unanswered=(9,)))


def test_a_request_that_is_stored_twice_is_named():
    e = requests()
    e.stream.append(Stored(0, False, (77,), "other"))
    assert "once from listener 0: 77 is stored 2 times: id-77, other" in found(e)


def test_a_copy_of_a_request_may_be_a_record_that_the_stream_has():
    e = with_ledger(requests(again=5), decoded=SENT + 3, records=SENT + 3, stored=SENT + 3,
                    consumed=2)
    e.listeners[0].consumed["duplicates"] = 2
    assert check(e) == []
    with_ledger(e, decoded=SENT + 4, records=SENT + 4, stored=SENT + 4, received=SENT + 6)
    assert "the stream has 1000, stored says 1004, and 3 were sent again and not known" in found(e)


def test_a_request_that_was_sent_again_is_no_loss():
    e = with_ledger(requests(again=5), dropped=5, consumed=0)
    e.listeners[0].consumed, e.listeners[0].dropped = {}, {"disk_full": 5}
    e.disk_faults = 1
    assert check(e) == []


def test_a_request_answered_on_the_disk_may_be_lost_only_where_damage_is_counted():
    e = requests(range(1, SENT), early=True, dropped_records=1)
    e.listeners[0].lives[-1]["stored"] = SENT - 1
    e.listeners[0].dropped_records = {"damaged": 1}
    e.corruptions = 1
    assert check(e) == []
    e.stream.pop()
    assert "2 are answered and not in the stream, and 1 are counted as damaged: 0, 999" in found(e)


def test_requests_may_come_late():
    numbers = [n for n in range(WINDOW + 1000) if n != 100] + [100]
    e = requests()
    assert not disorder(range(SENT))
    e.listeners[0].sent = len(numbers)
    e.listeners[0].sizes = [1] * len(numbers)
    with_ledger(e, received=len(numbers), decoded=len(numbers), records=len(numbers),
                stored=len(numbers))
    e.stream = [Stored(0, False, (n,), f"id-{n}") for n in numbers]
    assert check(e) == []
