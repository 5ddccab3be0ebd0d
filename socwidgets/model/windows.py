"""Windows of an axis among parameters: whether they can hold a point, and do not overlap."""

from __future__ import annotations

from socwidgets.model.errors import ParameterError

Window = tuple[float, float]


def require_fit_window(low: float | None, high: float | None) -> None:
    """Refuse a fit window that is empty; an end that is None is that of the data.

    Raises
    ------
    ParameterError
        If both ends are there and do not rise.
    """
    if low is not None and high is not None and low >= high:
        raise ParameterError(
            "the fit window is empty", expected="low < high", found=f"{low:g} to {high:g}"
        )


def require_edge_windows(pre: Window | None, post: Window | None) -> None:
    """Refuse pre- and post-edge windows that are empty or overlap; None is found automatically.

    Raises
    ------
    ParameterError
        With the window that is wrong.
    """
    for name, window in (("pre", pre), ("post", post)):
        if window is not None and not window[0] < window[1]:
            raise ParameterError(
                f"the {name} window is empty", expected="low < high", found=str(window)
            )
    if pre and post and pre[1] > post[0]:
        raise ParameterError(
            "the pre window reaches into the post window",
            expected="the end of pre below the beginning of post",
            found=f"{pre} and {post}",
        )
