# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of the capacity guide, with numbers that can be checked by hand."""

import importlib.machinery
import importlib.util
import os

import pytest

from capacity_plan import binary, by_window, choose, cores, lasting, why_no_figure

FIGURES = {("it", 1, "spill"): {"us": 5.0, "server_us": 10.0}, ("it", 1, "disk"): 700.0,
           ("it", 1, "stream"): 780.0, ("it", 500, "stream"): 690.0,
           ("it", 500, "spill"): {"us": 2.0, "server_us": 1.0}, ("it", 500, "disk"): 700.0}


def test_the_window_is_so_many_messages_a_round_trip():
    assert by_window(0.08) == 51200
    assert by_window(0.02) == 204800


def test_large_messages_are_bound_by_the_bytes_of_the_window():
    assert by_window(0.08, record=4096) == 2048 / 0.08
    # 163 records of 400 B are a batch of 64 KiB, and 128 of those the window.
    assert by_window(0.1, 500, 400) == 128 * 163 / 0.1


def test_a_queue_lasts_for_its_bytes_at_a_rate():
    assert lasting(2 << 30, 500, 1000) == "72 min"
    assert lasting(2 << 30, 726, 20000) == "2 min"
    assert lasting(1 << 20, 1000, 1000) == "1 s"


@pytest.mark.parametrize("size, text", [(1, "1 MiB"), (64 << 20, "64 MiB"), (3 << 30, "3.0 GiB"),
                                        (474 << 30, "474 GiB"), (3 << 39, "1.5 TiB")])
def test_sizes_are_for_people(size, text):
    assert binary(size) == text


def test_a_core_is_busy_half_of_the_time_at_most():
    assert cores(100000, 5.0) == 1.0
    assert cores(10, 5.0) == 0.1


def test_few_records_are_not_batched_and_many_are():
    few, many = choose(FIGURES, "it", 1000, 500), choose(FIGURES, "it", 100000, 500)
    assert (few["batch"], many["batch"]) == (1, 500)
    assert few["ids"] == 1000 * 120 * 240
    assert many["ids"] == pytest.approx(100000 / 93 * 120 * 240)
    assert (many["collector"], many["server"]) == (0.4, 0.2)
    assert many["disk"] == 100000 * 700 * 3600
    assert (few["day"], many["day"]) == (1000 * 780 * 86400, 100000 * 690 * 86400)


def test_memory_holds_two_seconds_before_it_spills():
    assert choose(FIGURES, "it", 1000, 500)["memory"] == 64 << 20
    assert choose(FIGURES, "it", 50000, 500)["memory"] / 4 == 2 * 50000 * 700
    assert choose(FIGURES, "it", 10**6, 500)["memory"] == 1 << 30


@pytest.mark.parametrize("sent, done, lost, why", [
    (1000, 1000, 0, None), (1000, 900, 5, None), (1000, 900, 0, "1,000 records were sent, 900 are counted and none is lost"),
    (0, 0, 0, "nothing was sent"), (1000, 0, 1000, "all of 1,000 records were lost")])
def test_a_run_without_its_records_gives_no_figure(sent, done, lost, why):
    assert why_no_figure(sent, done, lost) == why


def program(monkeypatch):
    """tests/bench/capacity as a module; what it imports asks where the programs are."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "capacity")
    monkeypatch.setenv("SR_BIN", "bin")
    loader = importlib.machinery.SourceFileLoader("capacity", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("capacity", loader))
    loader.exec_module(module)
    return module


def test_a_table_of_another_run_than_the_rest_tells_of_its_own(tmp_path, monkeypatch):
    capacity = program(monkeypatch)
    page = tmp_path / "page.md"
    page.write_text("".join(f"<!-- table: {name} -->\nold\n<!-- end -->\n" for name in (*capacity.PARTS, "run")))
    capacity.write({"disk": "| new |\n"}, "of disk\n", page)
    assert "| new |\n\nof disk\n<!-- end -->" in page.read_text()
    assert "<!-- table: run -->\nold\n" in page.read_text()
    capacity.write(dict.fromkeys(capacity.PARTS, "| all |\n"), "of all\n", page)
    assert "of disk" not in page.read_text() and "old" not in page.read_text()
    assert page.read_text().count("of all\n") == 1


def test_the_guide_has_a_place_for_every_table(monkeypatch):
    capacity = program(monkeypatch)
    text = capacity.DOCUMENT.read_text()
    for name in (*capacity.PARTS, "run", "soak"):
        assert text.count(f"<!-- table: {name} -->") == 1
