"""What the process environment must say before torch and the Hugging Face libraries are imported."""

import os


def prepare_environment() -> None:
    """Sets the variables that native libraries read once, at load time. Call it before the first import of torch.

    One OpenMP thread: a process that has used an OpenMP team must not fork, and the warm worker forks every job. The child raises
    the number itself. Passive waiting: a thread that spins at a barrier takes the core from whatever else runs on the machine
    (seen: 10 times longer steps beside a busy server).
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["OMP_WAIT_POLICY"] = "passive"
    os.environ["GOMP_SPINCOUNT"] = "0"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # Models come from folders on this machine; nothing is ever fetched.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    # Weights are loaded by the forking process: no thread pool may live in it.
    os.environ["HF_DEACTIVATE_ASYNC_LOAD"] = "1"
    # Asks the driver library instead of CUDA itself whether there is a GPU: a process that has initialised CUDA must not fork.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
