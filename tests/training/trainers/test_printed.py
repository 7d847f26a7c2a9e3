"""What a trainer prints, kept within bounds."""

from amc.training.trainers.printed import MOST_BYTES, Printed


def lines_of(path):
    return [line.partition(" ")[2] for line in path.read_text().splitlines()]


def test_each_line_has_its_time_and_comes_once_it_is_whole(tmp_path):
    path = tmp_path / "output.log"

    with Printed(path) as printed:
        printed.write(b"hel")
        half = path.read_text()
        printed.write(b"lo\r\nwor")
        printed.write(b"ld")

    assert half == ""
    assert lines_of(path) == ["hello", "world"]
    assert path.read_text().startswith("20")


def test_a_long_log_keeps_its_beginning_and_its_end_and_says_what_is_left_out(tmp_path):
    path = tmp_path / "output.log"
    line = b"line %d of a training that says much\n"

    with Printed(path) as printed:
        for number in range(60_000):
            printed.write(line % number)
            if number % 5000 == 0:
                assert path.stat().st_size <= MOST_BYTES + 100

    lines = lines_of(path)
    assert lines[0].startswith("line 0 ")
    assert lines[-1].startswith("line 59999 ")
    (mark,) = (line for line in lines if "bytes left out" in line)
    kept = path.stat().st_size - len(mark) - len("2026-01-01T00:00:00Z \n")
    printed_bytes = sum(len("2026-01-01T00:00:00Z ") + len(line % n) for n in range(60_000))
    assert mark == f"... {printed_bytes - kept:,} bytes left out ..."
    assert path.stat().st_size <= MOST_BYTES


def test_a_line_without_an_end_is_cut(tmp_path):
    path = tmp_path / "output.log"

    with Printed(path) as printed:
        for _ in range(100):
            printed.write(b"#" * 100_000)

    assert path.stat().st_size <= MOST_BYTES


def test_the_last_lines_are_told_without_times(tmp_path):
    with Printed(tmp_path / "output.log") as printed:
        printed.write(b"".join(b"line %d\n" % number for number in range(100)) + b"\xff the end")

        last = printed.last_lines().splitlines()

    assert len(last) == 20
    assert last[-2:] == ["line 99", "\ufffd the end"]


def test_the_last_lines_are_what_a_terminal_shows(tmp_path):
    with Printed(tmp_path / "output.log") as printed:
        printed.write(b"a page\x0c and on\n 10% of it\r 50% of it\r100% of it\n")

        last = printed.last_lines()

    assert last == "a page\x0c and on\n100% of it"
