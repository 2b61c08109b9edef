"""The metrics as modules of Hugging Face `evaluate`: `evaluate.load("eval/metrics/modules/NAME")`.

    NAME                   compute(...)                                                  gives
    term_success           predictions, terms                                            term_success
    inflected              predictions, references, terms with words                     inflected, count
    consistency            predictions, documents, terms with words                      consistency, found, occurrences, missed
    chrf_context           predictions, references, prediction_terms, reference_terms    chrf_context, signature
    exact_match            predictions, references, marked terms                         exact_match, hits, terms
    window_overlap         the same, and `window` (2)                                    window_overlap
    term_weighted_score    the same as exact_match                                       term_weighted_score

Each file gives `evaluate` the features and calls the function of `eval.metrics` that says what it means; scores are 0..100. `evaluate`
copies the file into its own cache, from where it imports `eval`: run it from the repository, or with the project installed. A path of at
least two parts that is there needs no network; one that is not may be looked for on the hub (`HF_HUB_OFFLINE=1` forbids it).

Needs  evaluate: pip install quayside[eval]
"""
