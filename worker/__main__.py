"""The worker's door: `python -m worker serve | train | convert | score | generate`."""

import argparse
import sys
from pathlib import Path

from worker.environment import prepare_environment


def main() -> int:
    """Parses the command line and runs one command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m worker", description="The Python that touches weights.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="stay warm, and fork a process for each job")
    serve.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    serve.add_argument("--log", type=Path, required=True, help="file that everything printed is appended to")
    serve.add_argument("--idle-exit", type=float, default=30.0, help="seconds without job and connection after which it ends")
    train = commands.add_parser("train", help="run one job in this process, cold")
    train.add_argument("--job", type=Path, required=True, help="file with a TrainingJob as JSON")
    convert = commands.add_parser("convert", help="turn a GGUF base model into a folder that can be trained on")
    convert.add_argument("--gguf", type=Path, required=True, help="the GGUF file")
    convert.add_argument("--out", type=Path, required=True, help="folder to make; it must not exist")
    score = commands.add_parser("score", help="judge answers of the serving engine by the weights as they were trained")
    score.add_argument("--task", type=Path, required=True, help="file with a ScoreTask as JSON")
    score.add_argument("--out", type=Path, required=True, help="file for the ScoreResult")
    generate = commands.add_parser(
        "generate", help="serve tokens of trained models: a ServingCommand a line in, a ServingAnswer a line out"
    )
    generate.add_argument("--slots", type=int, required=True, help="requests answered at once")
    generate.add_argument("--queue", type=int, required=True, help="requests that may wait")
    generate.add_argument("--versions", type=int, required=True, help="versions kept loaded")
    generate.add_argument("--context", type=int, help="longest prompt + answer in tokens, where it is less than the model's")
    generate.add_argument("--threads", type=int, required=True, help="CPU threads")
    arguments = parser.parse_args()
    prepare_environment()
    if arguments.command == "serve":
        from worker.serve import serve as run_server

        return run_server(arguments.socket, arguments.log, arguments.idle_exit)
    if arguments.command == "convert":
        from worker.convert import convert as run_convert

        return run_convert(arguments.gguf, arguments.out)
    if arguments.command == "score":
        from worker.score import score as run_score

        return run_score(arguments.task, arguments.out)
    if arguments.command == "generate":
        from worker.generate import generate as run_generate

        return run_generate(arguments.slots, arguments.queue, arguments.versions, arguments.context, arguments.threads)
    from worker.contract import TrainingJob
    from worker.load import load_base
    from worker.train import run_attempt

    job = TrainingJob.model_validate_json(arguments.job.read_bytes())
    return run_attempt(job, lambda: load_base(Path(job.model_dir)))


if __name__ == "__main__":
    sys.exit(main())
