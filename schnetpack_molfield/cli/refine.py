"""`molfield refine`: frames between and after those of a trajectory, by a model's dynamics."""

from pathlib import Path
from typing import Annotated

import typer

from schnetpack_molfield.cli.outputs import say

__all__ = ["refine"]

Frames = Annotated[
    Path, typer.Argument(help="Frames with velocities: extended XYZ, *.traj or what ASE reads.")
]
Model = Annotated[
    Path, typer.Option("--model", "-m", help="The potential: 'best_model' or the folder of a run.")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="What to write, *.extxyz.")]
Interval = Annotated[float, typer.Option(help="fs between the frames that are written.")]
After = Annotated[float, typer.Option(help="fs to go on after the last frame.")]
TimeStep = Annotated[float, typer.Option(help="Longest step of the integration in fs.")]
FrameTime = Annotated[
    float | None, typer.Option(help="fs between the given frames, if they have no time.")
]
Device = Annotated[str, typer.Option(help="Where the model runs: cpu or cuda.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that exists.")]


def refine(
    frames: Frames,
    model: Model,
    out: Out,
    interval: Interval = 2.5,
    after: After = 0.0,
    time_step: TimeStep = 0.5,
    frame_time: FrameTime = None,
    device: Device = "cpu",
    force: Force = False,
) -> None:
    """Fill the gaps of a trajectory with the dynamics of a trained potential.

    Bonds vibrate faster than most trajectories have frames; between two of them the path follows
    Newton's equation from both. Prints how well the dynamics from each frame meets the next one.
    """
    from schnetpack_molfield.checks import check_device, check_new_file
    from schnetpack_molfield.model_files import find_model_file

    check_new_file(out, (".extxyz",), force)
    find_model_file(model)
    if not frames.is_file():
        raise FileNotFoundError(f"{frames} isn't a file")

    from schnetpack_molfield.datasets.refined_trajectory import refine, timed_frames

    known = timed_frames(frames, frame_time)
    device = check_device(device)

    import ase.io

    from schnetpack_molfield.interfaces import MolFieldCalculator
    from schnetpack_molfield.new_files import replace_when_complete

    calculator = MolFieldCalculator(model, device)
    refined = refine(known, calculator, interval, after, time_step)
    with replace_when_complete(out) as partial:
        ase.io.write(partial, refined.frames, format="extxyz")
    mean, worst = refined.mismatches.mean(), refined.mismatches.max()
    say(f"the next frame is missed by {mean:.3f} A on average, {worst:.3f} A at worst")
    last = refined.frames[-1].info["time"]
    say(f"wrote {len(refined.frames)} frames up to {last:g} fs to {out}")
