import pytest

from amc.redaction import Redaction, is_secret

ENVIRON = {
    "WANDB_API_KEY": "0123456789abcdef",
    "AMC_BROKER_URL": "rediss://driver:p%40ss-word@10.0.0.7:6379/0",
    "MY_TOKEN": "tok-en-1",
    "HOME": "/home/somebody",
    "SHORT_KEY": "on",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it said 0123456789abcdef", "it said ***"),
        ("rediss://driver:p%40ss-word@10.0.0.7:6379/0", "rediss://driver:***@10.0.0.7:6379/0"),
        ("password p@ss-word refused", "password *** refused"),
        ("at redis://:whatever@host:6379/0 now", "at redis://:***@host:6379/0 now"),
        ('{"url": "https://user:a/b@host/x"}', '{"url": "https://user:***@host/x"}'),
        ('{"api_key": "abc", "gamma": 0.9}', '{"api_key": "***", "gamma": 0.9}'),
        ("--password=hunter2 --token tok-en-1", "--password=*** --token ***"),
        ("Authorization: Bearer abc.def-123456", "Authorization: Bearer ***"),
        ("/home/somebody is on", "/home/somebody is on"),
        ("http://127.0.0.1:8080/lab and redis+socket:///tmp/x", None),
        ("monkey: 5, keys = 3, max_tokens_seen", None),
    ],
)
def test_secrets_go_and_the_rest_stays(text: str, expected: str | None):
    redact = Redaction(ENVIRON, ["from-a-file"])

    assert redact(text) == (text if expected is None else expected)
    assert redact("x from-a-file y") == "x *** y"


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "PGPASSWORD", "api_key"])
def test_a_name_tells_a_secret(name: str):
    assert is_secret(name)
    assert not is_secret("AMC_SHARED_DIR")
