"""The end of a --help: exit codes hang, an example is one command for a shell however it is folded."""

import argparse
import shlex

from platform.config.help_text import HelpFormatter, examples_in, help_end

LONG = "python -m platform.search search_spaces/peer.yaml 'optim.lr={loguniform: [1e-4, 1e-2]}' --trials 4"
END = help_end({0: "done", 130: "interrupted, " + "and it goes on " * 8}, LONG, "python -m reports runs/peer")


def help_of(columns: int) -> str:
    parser = argparse.ArgumentParser(
        "x", epilog=END, formatter_class=lambda prog: HelpFormatter(prog, width=columns)
    )
    return parser.format_help()


def test_exit_codes_hang_under_their_words():
    lines = help_of(60).partition("exit codes:\n")[2].splitlines()
    assert lines[0] == "  0    done"
    assert lines[1].startswith("  130  interrupted, and it")
    assert lines[2].startswith("       ") and not lines[2].startswith("        ")


def test_a_folded_example_is_the_same_command():
    text = help_of(60)
    assert max(map(len, text.splitlines())) <= 60
    commands = text.partition("examples:\n")[2].replace("\\\n", " ").strip().splitlines()
    assert [shlex.split(line) for line in commands] == [shlex.split(line) for line in examples_in(END)]
    assert examples_in(END) == [LONG, "python -m reports runs/peer"]
    assert examples_in(None) == []
