"""``python -m bench.quality.utterances``: score the analysis by the labelled inputs."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence

import msgspec

from bench.quality.utterances.labels import HALVES, InputFile, LabelledInput, load_inputs
from bench.quality.utterances.outputs import Analyser
from bench.quality.utterances.scoring import Scores, Share, add_up, score
from everlake.model.utterances import Utterance

_HEADS = ("kind", "half", "inputs", "all right", "speaker", "time", "own words", "kept out")


class ScoredInput(msgspec.Struct, frozen=True, kw_only=True):
    """An input, what came out, and its scores."""

    kind: str
    half: str
    given: LabelledInput
    found: list[Utterance]
    scores: Scores


def main() -> None:
    """Score the inputs asked for, and print a table, JSON, or one input."""
    arguments = _arguments()
    files = load_inputs()
    if unknown := set(arguments.kind) - {file.kind for file in files}:
        sys.exit(f"no such kind: {', '.join(sorted(unknown))}")
    halves = HALVES if arguments.half == "all" else (arguments.half,)
    if arguments.show:
        chosen = [file for file in files if any(x.name == arguments.show for x in file.inputs)]
        if not chosen:
            sys.exit(f"no such input: {arguments.show}")
    else:
        chosen = [
            file
            for file in files
            if file.half in halves and (not arguments.kind or file.kind in arguments.kind)
        ]
    scored = list(score_files(chosen, name=arguments.show))
    if arguments.json:
        print(json.dumps(summary(scored), ensure_ascii=False, indent=1))
    elif arguments.show:
        print("\n".join(shown(scored[0])))
    else:
        print("\n".join(table(scored)))
        if arguments.list:
            print(*(one.given.name for one in scored if not one.scores.complete.complete), sep="\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.utterances", description=__doc__)
    parser.add_argument("--half", choices=[*HALVES, "all"], default="tune", help="default: tune")
    parser.add_argument("--kind", action="append", default=[], help="only this kind; repeatable")
    parser.add_argument("--show", metavar="NAME", help="one input: what is right, what came out")
    parser.add_argument("--list", action="store_true", help="name the inputs not all right, too")
    parser.add_argument("--json", action="store_true", help="the scores, and those of each input")
    return parser.parse_args()


def score_files(files: Sequence[InputFile], name: str | None = None) -> Iterator[ScoredInput]:
    """Analyse and score the inputs of files, or the one with a name."""
    with Analyser() as analyser:
        for file in files:
            for given in file.inputs:
                if name in {None, given.name}:
                    found = analyser.utterances(given)
                    yield ScoredInput(
                        kind=file.kind,
                        half=file.half,
                        given=given,
                        found=found,
                        scores=score(given, found),
                    )


def _groups(scored: Sequence[ScoredInput]) -> Iterator[tuple[str, str, Scores]]:
    """Each kind and half, then each half over all kinds, then its look-alikes alone."""
    for kind, half in dict.fromkeys((one.kind, one.half) for one in scored):
        of_both = [one for one in scored if (one.kind, one.half) == (kind, half)]
        yield kind, half, add_up(one.scores for one in of_both)
    for half in dict.fromkeys(one.half for one in scored):
        of_half = [one for one in scored if one.half == half]
        yield "all", half, add_up(one.scores for one in of_half)
        alike = [one.scores for one in of_half if one.given.look_alike]
        yield "look-alikes", half, add_up(alike)


def table(scored: Sequence[ScoredInput]) -> list[str]:
    """The scores as lines of a table."""
    rows: list[tuple[str, ...]] = [_HEADS]
    for kind, half, scores in _groups(scored):
        shares = (scores.speaker, scores.time, scores.own_words, scores.kept_out)
        inputs = (str(scores.complete.total), str(scores.complete.right))
        rows.append((kind, half, *inputs, *map(_percent, shares)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _percent(share: Share) -> str:
    # Cut and not rounded: 100.0 means that nothing is wrong.
    return f"{share.right * 1000 // share.total / 10:.1f}" if share.total else "-"


def summary(scored: Sequence[ScoredInput]) -> dict[str, object]:
    """The scores as JSON: of each kind and half, and of each input."""
    return {
        "groups": [
            {"kind": kind, "half": half, **_numbers(scores)}
            for kind, half, scores in _groups(scored)
        ],
        "inputs": [
            {"name": one.given.name, "kind": one.kind, "half": one.half, **_numbers(one.scores)}
            for one in scored
        ],
    }


def _numbers(scores: Scores) -> dict[str, object]:
    return {
        name: {"right": share.right, "total": share.total, "share": share.value}
        for name in scores.__struct_fields__
        if isinstance(share := getattr(scores, name), Share)
    }


def shown(one: ScoredInput) -> list[str]:
    """What is right and what came out for an input, as lines."""
    given = one.given
    lines = [f"{given.name} ({one.kind}, {one.half}{', look-alike' * given.look_alike})"]
    lines += ["", "Right:"]
    lines += [f"  {_line(msgspec.to_builtins(expected))}" for expected in given.utterances]
    lines += [f"  absent: {_line(item)}" for item in given.absent]
    lines += [f"  nobody: {_line(item)}" for item in given.nobody]
    lines += [f"  optional: {_line(item)}" for item in given.optional]
    lines += ["  only: nothing else"] * given.only
    lines += ["", "Came out:"]
    lines += [f"  {_line(msgspec.to_builtins(utterance))}" for utterance in one.found]
    lines.append("")
    for name in ("speaker", "time", "own_words", "kept_out"):
        share = getattr(one.scores, name)
        lines.append(f"{name.replace('_', ' ')}: {share.right} of {share.total}")
    return lines


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main()
