"""Configuration files as text: what the merged configuration no longer shows is checked here.

YAML readers keep the last of two equal keys without a word, and the first one's value is lost.
They also read some numbers otherwise than people write them: 010 is 8 (octal), 12:30 is
750 (base 60), 1_5 is 15.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import yaml

from engram.errors import EngramError

#: Bytes of the largest configuration file: aliases in a small file can already unfold to
#: gigabytes, see `_check`.
_LARGEST = 10_000_000
#: Nodes of the largest configuration, aliases unfolded.
_MOST_NODES = 200_000
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
#: A number that YAML reads as people do. Infinity and NaN are refused where the
#: configuration is checked.
_PLAIN_NUMBER = re.compile(
    r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?\.(?:inf|Inf|"
    r"INF)|\.(?:nan|NaN|NAN)"
)


def check_files(paths: Iterable[str | Path]) -> None:
    """Refuse configuration files with a key that stands twice, or a number that is misread.

    That is one that YAML reads as another one.

    Parameters
    ----------
    paths : iterable of path
        YAML files; JSON is YAML too.

    Raises
    ------
    EngramError
        With the file, the key or the number and its line; also for a file that is no YAML mapping.
    """
    for path in map(Path, paths):
        if not path.is_file():
            raise EngramError(f"--configfile: there is no file '{path}'.")
        if path.stat().st_size > _LARGEST:
            raise EngramError(
                f"'{path}' has {path.stat().st_size / 1e6:.0f} MB. A study is a few lines "
                "of YAML. Is it the right file?"
            )
        try:
            node = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
        except UnicodeDecodeError as error:
            raise EngramError(f"'{path}' is not UTF-8 text ({error}). Save it as UTF-8.") from None
        except RecursionError:
            raise EngramError(f"'{path}' is nested too deeply to be a study.") from None
        except yaml.YAMLError as error:
            raise EngramError(
                f"'{path}' is no valid YAML: {' '.join(str(error).split())}"
            ) from None
        if node is None:
            continue
        if not isinstance(node, yaml.MappingNode):
            raise EngramError(
                f"'{path}' holds no 'key: value' lines. Write, for example:\n    study: my-study"
            )
        _check(node, str(path))


def _check(root: yaml.Node, path: str) -> None:
    """Walk all mappings without recursion.

    Aliases count each time they stand, so that a "billion laughs" file is refused.
    """
    waiting: list[tuple[yaml.Node, str]] = [(root, "")]
    visited = 0
    while waiting:
        node, inside = waiting.pop()
        visited += 1
        if visited > _MOST_NODES:
            raise EngramError(
                f"'{path}' unfolds to more than {_MOST_NODES:,} entries (aliases?). A study "
                "is a few lines of YAML."
            )
        if isinstance(node, yaml.ScalarNode):
            _check_number(node, inside, path)
        elif isinstance(node, yaml.SequenceNode):
            waiting += [(item, inside) for item in node.value]
        elif isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, value in node.value:
                name, line = str(key.value), key.start_mark.line + 1
                _check_number(key, inside, path)
                if name in lines:
                    where = f"under '{inside}' " if inside else ""
                    keep = (
                        "Write one, '<<: [*one, *other]'; keys of the first count."
                        if name == "<<"
                        else "Keep one."
                    )
                    raise EngramError(
                        f"'{path}': the key '{name}' stands twice {where}(lines {lines[name]} "
                        f"and {line}); YAML would keep the second and drop the first. {keep}"
                    )
                lines[name] = line
                waiting.append((value, f"{inside}.{name}" if inside else name))


def _check_number(node: yaml.Node, inside: str, path: str) -> None:
    """Refuse a number that YAML reads otherwise than it looks.

    A listener 010 would be listener 8.
    """
    if node.tag in _NUMBERS and not _PLAIN_NUMBER.fullmatch(str(node.value)):
        raise EngramError(
            f"'{path}', line {node.start_mark.line + 1}: "
            f"{node.value}{f' (in {inside!r})' if inside else ''} is a number that YAML reads "
            "otherwise than it looks (010 is 8, 12:30 is 750, 1_5 is 15). Write a name in quotes "
            f"('{node.value}'), and a number in plain digits."
        )
