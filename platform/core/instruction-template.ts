/**
 * The template of instruction tuning: `### Instruction:`, `### Input:`, `### Response:`. For models that bring no chat template, and for
 * whoever chooses it over the model's own. The worker trains by the same text, so that a model is asked as it was taught.
 *
 * A user message may carry `input`: the end of its content that the instruction is about, after an empty line.
 */
export const instructionTemplate = `{% for message in messages %}
{% if message.role == 'system' %}{{ message.content }}

{% elif message.role == 'assistant' %}{{ message.content }}{{ eos_token }}

{% else %}### Instruction:
{% if message.input and message.content.endswith(message.input) %}
{{ message.content[:-(message.input | length)].rstrip() }}
### Input:
{{ message.input }}
{% else %}
{{ message.content }}
{% endif %}
### Response:
{% endif %}
{% endfor %}`;
