"""docs/tutorial, followed to the letter. `make tutorial` does the same with the wheel, in an environment of its own."""

from pathlib import Path

import pytest
from tests.docs import tutorial


@pytest.mark.timeout(180)
def test_the_tutorial(tmp_path: Path) -> None:
    tutorial.follow_all(tmp_path)


SAYS_BYE = (
    'python -c \'import signal; signal.signal(signal.SIGINT, lambda *_: exit(print("bye"))); print("here"); '
    "signal.pause()'"
)


def write(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text, "utf-8")
    return page


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```console\n$ echo one\ntwo\n```\n", "page.md:1: the page says 'two', but there came 'one'"),
        ("```console\n$ echo one\none\ntwo\n```\n", "it has ended"),
        ("```console\n$ echo one\n```\n", "ended with 0"),
        ("```console\n$ false\n```\n", "ended with 1"),
        ("```console terminal=a\n$ cat\n^C\nbye\n```\n", "it has ended"),
        (f"```console terminal=a\n$ {SAYS_BYE}\nhere\n^C\n```\n", "there came"),
    ],
)
def test_what_a_page_gets_wrong_is_noticed(tmp_path: Path, text: str, complaint: str) -> None:
    reader = tutorial.Reader(tmp_path)
    try:
        with pytest.raises(tutorial.TutorialError, match=complaint):
            reader.follow(write(tmp_path, text))
    finally:
        reader.close()


def test_what_a_reader_does(tmp_path: Path) -> None:
    text = """
```text file=a/words
one
two
```
```console
$ python3 -m venv .venv
$ export WORD=three
$ cd a
$ cat words && echo $WORD | cat
one
...
thr...
```
"""
    reader = tutorial.Reader(tmp_path)
    reader.follow(write(tmp_path, text))
    reader.close()
    assert not (tmp_path / ".venv").exists()


def test_every_page_is_followed_and_in_the_index() -> None:
    pages = {page.name for page in tutorial.FOLDER.glob("*.md")} - {"index.md"}
    assert {page.name for page in tutorial.pages()} == pages


def test_ports_are_said_in_one_way() -> None:
    """What is replaced by a free port must be nothing else."""
    for page in tutorial.pages():
        assert tutorial.PORT not in page.read_text("utf-8").replace(f":{tutorial.PORT}", "").replace(
            f"--port {tutorial.PORT}", ""
        )
