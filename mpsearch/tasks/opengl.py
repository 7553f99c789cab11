"""MuJoCo's renderer, which needs OpenGL."""

from __future__ import annotations

import os
import sys
import warnings

import mujoco

_broken_in: set[int] = set()  # processes in which OpenGL does not work
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=lambda: _broken_in.add(os.getpid()))


def open_renderer(model: mujoco.MjModel, width: int, height: int) -> mujoco.Renderer | None:
    """Create a renderer of pictures of this size, in pixels; returns ``None`` if OpenGL does not work.

    It uses the screen's OpenGL, or EGL on Linux without a screen. After a failure, a process does not try again. A
    forked process does not try at all, because EGL would wait forever in it.
    """
    if os.getpid() in _broken_in:
        return None
    model.vis.global_.offwidth, model.vis.global_.offheight = width, height
    try:
        return _make_renderer(model, width, height)
    except Exception:  # the kind depends on which part of OpenGL is missing
        _broken_in.add(os.getpid())
        return None


def _make_renderer(model: mujoco.MjModel, width: int, height: int) -> mujoco.Renderer:
    """Create a renderer that uses EGL on Linux without a screen.

    MuJoCo would make this choice when it is imported, from an environment variable. It is made here instead, because
    with a wrong value of this variable the import would fail.
    """
    if sys.platform == "linux" and not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL"))):
        from mujoco.egl import GLContext

        sys.modules[mujoco.Renderer.__module__].gl_context.GLContext = GLContext  # a new renderer uses this class
    with warnings.catch_warnings(action="ignore"):  # GLFW warns, but the caller returns None for the same reason
        return mujoco.Renderer(model, height, width)
