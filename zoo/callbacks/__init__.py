"""Callbacks for `fit` (exact resuming, data order, NaN guard, warnings, sample grids, metrics) and for `predict`."""

from zoo.callbacks.backup import BACKUP, BackupAndRestore
from zoo.callbacks.best import KeepBest
from zoo.callbacks.csv_logger import CSVLogger
from zoo.callbacks.diagnostics import (
    WarnOfExplodingGradients,
    WarnOfFewSteps,
    WarnOfModeCollapse,
    WarnOfStalePrior,
    WarnOfUnusedCodes,
    WarnOfWinningDiscriminator,
)
from zoo.callbacks.epoch_order import EpochOrder
from zoo.callbacks.growth import Grow
from zoo.callbacks.non_finite import StopOnNonFinite
from zoo.callbacks.prediction_progress import PredictionProgress
from zoo.callbacks.progress_line import ProgressLine
from zoo.callbacks.samples import SampleGrid, SampleMetric

__all__ = [
    "BACKUP",
    "BackupAndRestore",
    "CSVLogger",
    "EpochOrder",
    "Grow",
    "KeepBest",
    "PredictionProgress",
    "ProgressLine",
    "SampleGrid",
    "SampleMetric",
    "StopOnNonFinite",
    "WarnOfExplodingGradients",
    "WarnOfFewSteps",
    "WarnOfModeCollapse",
    "WarnOfStalePrior",
    "WarnOfUnusedCodes",
    "WarnOfWinningDiscriminator",
]
