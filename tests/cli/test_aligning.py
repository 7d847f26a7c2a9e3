from amc.cli.aligning import at_the_point, written


def test_points_are_below_each_other_and_all_texts_are_of_one_width():
    texts = ["247.8", "500", "-", "-1094.63", "1e+08"]

    assert at_the_point(texts) == [
        "  247.8  ",
        "  500    ",
        "    -    ",
        "-1094.63 ",
        "    1e+08",
    ]


def test_a_column_of_numbers_is_short_and_of_one_kind():
    assert written([0.0001294, 0.01]) == ["0.0001294", "0.01     "]
    assert written([1.2e-05, 0.01, 0.0]) == ["1.20e-05", "1.00e-02", "0       "]
    assert written([64, 256, None]) == [" 64", "256", "  -"]


def test_other_values_are_texts():
    assert written(["adam", True, None, [64, 64]]) == ["adam", "True", "-", "[64, 64]"]
