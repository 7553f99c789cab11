"""MuJoCo's own renderer, where OpenGL works."""

from __future__ import annotations

import os
import sys
import warnings

import mujoco

_broken_in: set[int] = set()  # processes in which OpenGL does not work
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=lambda: _broken_in.add(os.getpid()))


def open_renderer(model: mujoco.MjModel, width: int, height: int) -> mujoco.Renderer | None:
    """A renderer of pictures of this size, in pixels; ``None`` where OpenGL does not work.

    It draws on the screen's OpenGL, or on EGL where Linux has no screen. A process tries this once: after a failure it
    gets ``None`` from then on. So does a process that was forked, in which EGL would wait forever.
    """
    if os.getpid() in _broken_in:
        return None
    model.vis.global_.offwidth, model.vis.global_.offheight = width, height
    try:
        return _make_renderer(model, width, height)
    except Exception:  # of many kinds, which depend on what of OpenGL is missing
        _broken_in.add(os.getpid())
        return None


def _make_renderer(model: mujoco.MjModel, width: int, height: int) -> mujoco.Renderer:
    """MuJoCo itself chooses when it is imported, from an environment variable whose wrong value breaks that import."""
    if sys.platform == "linux" and not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL"))):
        from mujoco.egl import GLContext

        sys.modules[mujoco.Renderer.__module__].gl_context.GLContext = GLContext  # what a new renderer takes
    with warnings.catch_warnings(action="ignore"):  # of GLFW, about what None says
        return mujoco.Renderer(model, height, width)
