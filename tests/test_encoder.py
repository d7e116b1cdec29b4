"""The tuned encoder: laid over the package's model, refused where it does not fit, done without where it is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.safety.detector import Detector
from bot.safety.encoder import TUNED, Encoder, EncoderMissing

ALARM = "jeg kan pludselig ikke tisse og har ingen følelse i skridtet"
CALM = "hvor kan jeg parkere , når jeg skal til samtale"


def test_an_alarm_scores_above_zero_and_a_question_below() -> None:
    encoder = Encoder()
    assert encoder.log_odds(ALARM) > 0 > encoder.log_odds(CALM)


def test_an_alarm_in_the_middle_of_a_long_text_is_not_cut_away() -> None:
    encoder, filling = Encoder(), "vi har snakket om haven og vejret og om , hvad der skal ske til sommer . " * 6
    assert encoder.log_odds(f"{filling}{ALARM} . {filling}") > encoder.log_odds(filling + filling)


def test_given_an_encoder_tuned_on_another_model_it_is_refused(tmp_path: Path) -> None:
    with np.load(TUNED) as kept:
        other = {name: kept[name] for name in kept.files}
    np.savez(tmp_path / "other.npz", **{**other, "base": np.array("0" * 64)})
    with pytest.raises(EncoderMissing, match="another model"):
        Encoder(tmp_path / "other.npz")


def test_given_no_encoder_the_words_judge_alone_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing() -> Encoder:
        raise EncoderMissing("the package is not installed")

    monkeypatch.setattr(Encoder, "shared", staticmethod(missing))
    detector = Detector().with_model()
    assert "words alone" in caplog.text
    assert detector.screen("der er noget galt, jeg lækker hele tiden og kan ikke mærke det").alarm
    assert detector.screen(CALM).alarm is None
