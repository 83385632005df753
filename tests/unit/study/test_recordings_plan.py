"""Recordings of stories in the configuration and in the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_stages import planned

from engram.errors import EngramError
from engram.study.needs import need
from engram.study.stages import spaces

#: How a WAV file begins.
HEADER = b"RIFF\0\0\0\0WAVE"


def test_what_spaces_of_recordings_depend_on(tmp_path: Path) -> None:
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_text('{"model_type": "hubert"}')
    (tmp_path / "model.safetensors").touch()
    for story in ("lighthouse", "market"):
        (tmp_path / f"{story}.wav").write_bytes(HEADER)
    pattern = f"{tmp_path}/{{story}}.wav"
    hubert = {"kind": "speech", "audio": pattern, "source": str(tmp_path)}
    sound = {"kind": "acoustics", "audio": pattern}
    study, plan = planned(features={"hubert": hubert, "sound": sound})
    depends = spaces.depends_on(study, plan, "hubert", "market")
    assert depends["files"] == [str(tmp_path / "market.wav")]
    assert depends["space"]["stride"] == 2 and "audio" not in depends["space"]
    reads = spaces.reads(study, plan, "hubert", "market")
    assert reads["folders"] == [str(tmp_path)] and reads["files"] == depends["files"]
    assert spaces.reads(study, plan, "sound", "market")["folders"] == []
    assert spaces.gpus(study, plan, "hubert") == 1 and spaces.gpus(study, plan, "sound") == 0
    heavy, light = (
        need(study, plan, "feature_space", {"model": name, "story": "market"}).memory
        for name in ("hubert", "sound")
    )
    assert heavy > 4e9 > light
    louder, _ = planned(features={"hubert": {**hubert, "stride": 1}, "sound": sound})
    assert spaces.depends_on(louder, plan, "hubert", "market") != depends


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"audio": "no/{story}.wav"}, "there is no file 'no/lighthouse.wav'"),
        ({"audio": "{x}.wav"}, "'{story}' alone may stand in it"),
        ({"source": "no"}, "'no' has no config.json and no preprocessor_config.json"),
        ({"stride": 20}, "stride: 20 s is more than the context"),
        ({"audio": "{folder}/market.wav"}, "one file for 2 stories. Write '{story}'"),
        ({"step": 2.0}, "samples are 2 s apart, and a TR is 1.5 s: some TRs would have none"),
        ({"step": 0.3}, "step: 0.3 s do not divide the stride of 2 s"),
    ],
)
def test_entries_that_cannot_be(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_text('{"model_type": "hubert"}')
    (tmp_path / "model.safetensors").touch()
    for story in ("lighthouse", "market"):
        (tmp_path / f"{story}.wav").write_bytes(HEADER)
    section = {"kind": "speech", "audio": f"{tmp_path}/{{story}}.wav", "source": str(tmp_path)}
    planned(features={"s": section})
    if "audio" in change:
        change = {"audio": change["audio"].replace("{folder}", str(tmp_path))}
    with pytest.raises(EngramError) as error:
        planned(features={"s": {**section, **change}})
    assert said in str(error.value)


def test_a_model_of_text_does_not_hear(tmp_path: Path) -> None:
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_text('{"model_type": "bert"}')
    section = {"kind": "speech", "audio": "{story}.wav", "source": str(tmp_path)}
    with pytest.raises(EngramError, match="type 'bert'; types that hear are whisper, wav2vec2"):
        planned(features={"s": section})


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("{bad", "config.json' is no JSON object: Expecting property name"),
        ("[1]", "config.json' is no JSON object: it holds a list"),
        ('{"model_type": "whisper"}', "has no *.safetensors weights"),
    ],
)
def test_a_broken_model_of_speech_is_refused(tmp_path: Path, config: str, said: str) -> None:
    (tmp_path / "config.json").write_text(config)
    (tmp_path / "preprocessor_config.json").write_text("{}")
    section = {"kind": "speech", "audio": "{story}.wav", "source": str(tmp_path)}
    with pytest.raises(EngramError) as error:
        planned(features={"s": section})
    assert said in str(error.value)


def test_recordings_do_not_stand_side_by_side_with_words(tmp_path: Path) -> None:
    sound = {"kind": "acoustics", "audio": f"{tmp_path}/{{story}}.wav"}
    with pytest.raises(EngramError, match=r"features.t.of: \['sound'\] cannot stand"):
        planned(features={"sound": sound, "t": {"kind": "together", "of": ["sound", "gpt2-tiny"]}})
    with pytest.raises(EngramError, match="a word stands there twice"):
        planned(features={"sound": {**sound, "units": ["mel", "mel"]}})


def test_a_file_that_is_called_wav_and_is_none_is_refused(tmp_path: Path) -> None:
    for story in ("lighthouse", "market"):
        (tmp_path / f"{story}.wav").write_bytes(b"ID3\3 an mp3 file")
    with pytest.raises(EngramError, match="lighthouse.wav' is no WAV file, .*'ffmpeg"):
        planned(features={"a": {"kind": "acoustics", "audio": f"{tmp_path}/{{story}}.wav"}})
