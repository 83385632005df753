"""Engram's console as a logger plugin of Snakemake (`--logger engram`, as the profiles have it).

Snakemake finds it by the name of this package. What is said is decided in `engram.runs.console`;
errors are said as Snakemake says them. `--logger-engram-details` says all that Snakemake does.
"""

# Types of settings are read by Snakemake as they are: they must not be texts
# (`from __future__ import annotations`).
import logging
import sys
from dataclasses import dataclass, field

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

from engram.runs.console import Console


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """What can be asked of the console."""

    details: bool = field(
        default=False,
        metadata={
            "help": "Print every job with its files, resources and reason, as Snakemake does.",
            "env_var": False,
            "required": False,
        },
    )


class LogHandler(LogHandlerBase):
    """Writes a run's lines to the console."""

    def __post_init__(self) -> None:
        # Here, and not above: Snakemake imports this module while it imports its own.
        from snakemake.logging import ColorizingTextHandler, DefaultFormatter

        common = self.common_settings
        stream = sys.stdout if common.stdout else sys.stderr
        self._console = Console(common.dryrun)
        self._details = bool(getattr(self.settings, "details", False)) or common.verbose
        formatter = DefaultFormatter(common.quiet, common.show_failed_logs)
        self._written = ColorizingTextHandler(common.nocolor, stream, formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Write what is to be said at an event."""
        try:
            lines = None if self._details else self._lines(record)
            if lines is None:
                self._written.emit(record)
            else:
                self._write(lines)
        except BrokenPipeError:
            raise
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Write what was held back, such as the table of a dry-run that was cut short."""
        self._write(self._console.planned())
        super().close()

    def _lines(self, record: logging.LogRecord) -> list[str] | None:
        event = str(getattr(record, "event", None) or "").rpartition(".")[2].lower()
        values = {**record.__dict__, "message": record.getMessage() if record.msg else ""}
        return self._console.lines(event, values, record.created)

    def _write(self, lines: list[str]) -> None:
        for line in lines:
            self._written.stream.write(f"{line}\n")
        self._written.stream.flush()

    @property
    def writes_to_stream(self) -> bool:
        """It takes the place of Snakemake's own lines."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """The log file is Snakemake's, with all that it says."""
        return False

    @property
    def has_filter(self) -> bool:
        """What `--quiet` leaves out is left out by Snakemake's filter."""
        return False

    @property
    def has_formatter(self) -> bool:
        """Errors have Snakemake's form."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """The graph of rules is not shown."""
        return False
