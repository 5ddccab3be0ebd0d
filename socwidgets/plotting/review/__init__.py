"""Figures of the review of Zhang, Yang and Tian (2019), each from a phantom by one call."""

from socwidgets.plotting.review.model import Number, ReviewFigure, check_figures
from socwidgets.plotting.review.registry import REVIEW_FIGURES, review_figure

__all__ = ["REVIEW_FIGURES", "Number", "ReviewFigure", "check_figures", "review_figure"]
