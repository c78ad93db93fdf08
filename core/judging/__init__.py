"""Scoring rows with any OpenAI-compatible model: rubrics, prompts, replies, prices and the run."""
