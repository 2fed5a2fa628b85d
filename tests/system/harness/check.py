"""Assertions that say what was seen. A failure is an AssertionError with both values."""

import time


def _short(value, limit=1200):
    text = repr(value)
    if len(text) <= limit:
        return text
    return f"{text[:limit // 2]} … {text[-limit // 2:]} ({len(text)} characters)"


def _difference(got, want):
    if isinstance(got, (bytes, str)) and isinstance(want, type(got)) and len(got) + len(want) > 400:
        at = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b), min(len(got), len(want)))
        near = slice(max(0, at - 60), at + 60)
        return (f"lengths {len(got)} and {len(want)}, first difference at {at}:\n"
                f"  got  {got[near]!r}\n  want {want[near]!r}")
    return f"got  {_short(got)}\n  want {_short(want)}"


def equal(got, want, about):
    if got != want:
        raise AssertionError(f"{about}:\n  {_difference(got, want)}")


def true(condition, about):
    if not condition:
        raise AssertionError(about)


def contains(text, part, about):
    if part not in text:
        raise AssertionError(f"{about}: {_short(part)} is not in {_short(text)}")


def lacks(text, part, about):
    if part in text:
        raise AssertionError(f"{about}: {_short(part)} is in {_short(text)}")


def one_of(got, allowed, about):
    if got not in allowed:
        raise AssertionError(f"{about}: got {_short(got)}, want one of {_short(allowed)}")


class Raised:
    error = None


class raises:
    """`with raises(ConnectionError) as seen:` … `seen.error` is the exception."""

    def __init__(self, *kinds, about="an exception"):
        self._kinds = kinds
        self._about = about
        self._seen = Raised()

    def __enter__(self):
        return self._seen

    def __exit__(self, kind, error, trace):
        if kind is None:
            raise AssertionError(f"{self._about}: nothing was raised, want {[k.__name__ for k in self._kinds]}")
        if not issubclass(kind, self._kinds):
            return False
        self._seen.error = error
        return True


def eventually(predicate, about, seconds=20.0):
    """Polls a condition that something outside this process makes true. Returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {about}")
        time.sleep(0.01)
