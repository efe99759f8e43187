"""Group relative policy optimisation (Shao et al. 2024, "DeepSeekMath", section 4.1): the model learns from its own graded answers."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from jinja2 import TemplateError
from torch import Tensor
from transformers import GenerationConfig

from worker.batches import Collator
from worker.contract import GrpoMethod, TrainingJob
from worker.examples import IGNORED, Example, Graded, answer_start, end_token_ids, prompt_token_ids
from worker.failures import WorkerError
from worker.fill_template import Sample
from worker.graders import rewards
from worker.head_logprobs import head_logprobs
from worker.python_grader import grade_in_sandbox
from worker.run_trainer import RunTrainer, pad_token_id
from worker.trunk import PLAIN_STACKS
from worker.workbench import Tally, Workbench

# Added to the standard deviation of a group, so that answers that are graded alike are not told apart.
_LEAST_SPREAD = 1e-4


def build(job: TrainingJob, bench: Workbench) -> "GrpoTrainer":
    """A trainer over the prompts of the bench; the answer of a row is what graders hold an answer against."""
    assert isinstance(job.method, GrpoMethod)
    return GrpoTrainer(job, bench, job.method)


class GrpoTrainer(RunTrainer):
    """Each group of answers is used for one step, by the model that gave them: the ratio of the paper is 1, and nothing is clipped."""

    def __init__(self, job: TrainingJob, bench: Workbench, method: GrpoMethod) -> None:
        self._padding = pad_token_id(bench)
        super().__init__(job, bench, Collator(lambda place: self._examples[place], self._padding))
        self._method = method
        self._end_ids = end_token_ids(bench.tokenizer)

    def _count(self, batch: dict[str, Tensor]) -> Tensor:
        return torch.tensor(len(batch["places"]))

    def _forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, Tally]:
        rows = [self._examples[place] for place in inputs["places"].tolist()]
        return self._learn(rows) if self._bench.model.training else self._try(rows, inputs)

    def _learn(self, rows: list[Example]) -> tuple[Tensor, Tally]:
        """Loss summed over the prompts; of each the mean over its answers, of each of those the mean over its tokens."""
        group = self._method.num_generations
        answers, rewards_R, errors = self._answer(rows, group)
        rewards_P_G = rewards_R.view(-1, group)
        spread_P_1 = rewards_P_G.std(dim=1, keepdim=True)
        advantage_P_G = rewards_P_G - rewards_P_G.mean(dim=1, keepdim=True)
        if self._method.scale_rewards:
            advantage_P_G = advantage_P_G / (spread_P_1 + _LEAST_SPREAD)
        batch: Any = self._prepare_inputs(Collator(lambda at: answers[at], self._padding)([{"place": at} for at in range(len(answers))]))
        logprobs_K, rows_K, right_K = self._judge(batch)
        # The gradient of the ratio of a policy to itself.
        gain_K = torch.exp(logprobs_K - logprobs_K.detach()) * advantage_P_G.flatten()[rows_K]
        apart_K = self._apart(batch, logprobs_K)
        tokens_R = torch.bincount(rows_K, minlength=len(answers))
        loss = ((self._method.beta * apart_K - gain_K) / tokens_R[rows_K]).sum() / group
        metrics = {
            "reward": float(rewards_R.sum()) / group,
            "grader_errors": errors / group,
            "reward_std": float(spread_P_1.sum()),
            "frac_reward_zero_std": float((spread_P_1 < _LEAST_SPREAD).sum()),
            "completions/mean_length": float(tokens_R.sum()) / group,
            "kl": float((apart_K.detach() / tokens_R[rows_K]).sum()) / group,
        }
        seen = int(batch["attention_mask"].sum())
        return loss, Tally(float(loss.detach()), len(rows_K), int(right_K.sum()), seen, len(rows), metrics)

    @torch.no_grad()
    def _try(self, rows: list[Example], inputs: dict[str, Tensor]) -> tuple[Tensor, Tally]:
        """How the likeliest answers are graded: the loss is what they lack. Token accuracy and perplexity are of the rows' own answers."""
        _, rewards_R, errors = self._answer(rows, 1)
        loss = (1 - rewards_R).sum()
        metrics = {"reward": float(rewards_R.sum()), "grader_errors": float(errors), "logps/reference": 0.0}
        if not bool((inputs["labels"] != IGNORED).any()):
            return loss, Tally(float(loss), 0, 0, int(inputs["attention_mask"].sum()), len(rows), metrics)
        logprobs_K, _, right_K = self._judge(inputs)
        metrics["logps/reference"] = float(logprobs_K.sum())
        return loss, Tally(float(loss), len(logprobs_K), int(right_K.sum()), int(inputs["attention_mask"].sum()), len(rows), metrics)

    @torch.no_grad()
    def _answer(self, rows: list[Example], each: int) -> tuple[list[Example], Tensor, int]:
        """So many answers to each prompt, drawn from the model, or the likeliest where it is one; their rewards, and how many have none.

        An answer that no reward can be had of is rewarded with 0.
        """
        prompts = [row.token_ids_T[: answer_start(row)] for row in rows]
        said = self._generate(prompts, self._generation(each, self._method.max_completion_tokens), is_base=False)
        answers: list[Example] = []
        samples: list[Sample] = []
        for at, token_ids_T in enumerate(said):
            row, prompt = rows[at // each], prompts[at // each]
            answers.append(Example(row.row, prompt + token_ids_T, [IGNORED] * len(prompt) + token_ids_T))
            samples.append(Sample(self._text(token_ids_T), row.item if isinstance(row, Graded) else {}))
        found = rewards(self._method.graders, self._method.formula, samples, self._ask, self._run_code)
        graded = [0.0 if value is None else value for value in found]
        return answers, torch.tensor(graded, device=self._bench.model.device), found.count(None)

    def _ask(self, chats: list[list[dict[str, str]]], most_tokens: int) -> list[str]:
        """What the base model says to each of them. Raises WorkerError('config_error') where its template cannot write one."""
        try:
            prompts = [prompt_token_ids(self._bench.tokenizer, chat) for chat in chats]
        except (TemplateError, TypeError, ValueError) as error:
            raise WorkerError(
                "config_error", f"score_model: the chat template of the model refuses the judge's messages: {error}"
            ) from error
        return [self._text(token_ids_T) for token_ids_T in self._generate(prompts, self._generation(1, most_tokens), is_base=True)]

    def _run_code(self, source: str, samples: Sequence[Sample]) -> list[float | None]:
        return grade_in_sandbox(self._job.grader_sandbox, source, samples)

    def _generate(self, prompts: list[list[int]], how: GenerationConfig, is_base: bool) -> list[list[int]]:
        """Token ids of the answers to each prompt in turn, up to the one that ends them; by the base model, or as it is trained."""
        longest = max(map(len, prompts))
        padded_B_T = torch.tensor([[self._padding] * (longest - len(prompt)) + prompt for prompt in prompts])
        mask_B_T = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        batch: Any = self._prepare_inputs({"input_ids": padded_B_T, "attention_mask": mask_B_T})
        was_training = self._bench.model.training
        self._bench.model.eval()
        with self.accelerator.autocast(), self._bench.switched_off() if is_base else nullcontext():
            said_R_T: Any = self._base.generate(**batch, generation_config=how)
        self._bench.model.train(was_training)
        return [self._whole(token_ids_T) for token_ids_T in said_R_T[:, longest:].tolist()]

    def _whole(self, token_ids_T: list[int]) -> list[int]:
        end = next((at for at, token in enumerate(token_ids_T) if token in self._end_ids), len(token_ids_T) - 1)
        return token_ids_T[: end + 1]

    def _generation(self, each: int, most_tokens: int) -> GenerationConfig:
        drawn: dict[str, Any] = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0} if each > 1 else {"do_sample": False}
        return GenerationConfig(
            max_new_tokens=most_tokens,
            num_return_sequences=each,
            eos_token_id=sorted(self._end_ids),
            pad_token_id=self._padding,
            **drawn,
        )

    def _text(self, token_ids_T: list[int]) -> str:
        return str(self._bench.tokenizer.decode(token_ids_T, skip_special_tokens=True)).strip()

    def _judge(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Of each of the K tokens that carry a label: its log-probability, its row, and whether the model would have chosen it."""
        labels_B_T = batch["labels"]
        rows_K, at_K = (labels_B_T != IGNORED).nonzero(as_tuple=True)
        with self.accelerator.autocast():
            # Padding stands on the right, where a causal layer does not look.
            mask = None if self._base.config.model_type in PLAIN_STACKS else batch["attention_mask"]
            hidden_B_T_H = self._base.base_model(input_ids=batch["input_ids"], attention_mask=mask, use_cache=False).last_hidden_state
            head = self._base.get_output_embeddings()
            logprobs_K, right_K = head_logprobs(hidden_B_T_H[rows_K, at_K - 1], labels_B_T[rows_K, at_K], head)
        return logprobs_K, rows_K, right_K

    def _apart(self, batch: dict[str, Tensor], logprobs_K: Tensor) -> Tensor:
        """The divergence from the base model, by an estimate that is never negative (equation 4); zeros where it has no weight."""
        if self._method.beta == 0:
            return torch.zeros_like(logprobs_K)
        with torch.no_grad(), self._bench.switched_off():
            reference_K, _, _ = self._judge(batch)
        ratio_K = reference_K - logprobs_K
        return torch.exp(ratio_K) - ratio_K - 1

    def _nats_per_token(self, total: Tally) -> float:
        """Of the rows' own answers; where they have none, perplexity says no more than the loss."""
        return -total.metrics["logps/reference"] / total.trained if total.trained else total.mean_loss
