import { useId } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  /** What is expected, below the field. */
  readonly hint?: string | undefined;
  /** The rule that the value breaks. */
  readonly error?: string | null | undefined;
  readonly type?: 'text' | 'search' | 'number' | 'password' | 'datetime-local';
  readonly placeholder?: string;
  readonly mono?: boolean;
  readonly required?: boolean;
  /** So many lines: a text area. */
  readonly lines?: number;
  /** Offered while typing. */
  readonly suggestions?: readonly string[];
  /** The label is for screen readers only. */
  readonly unlabelled?: boolean;
  readonly autoFocus?: boolean;
}

/** A text field with its label, and what is wrong with it. */
export function Field(props: FieldProps) {
  const { label, value, onInput, hint, error, type = 'text', lines, suggestions } = props;
  const id = useId();
  const about = error ? `${id}-error` : hint === undefined ? undefined : `${id}-hint`;
  const shared = {
    id,
    value,
    class: props.mono ? 'input mono' : 'input',
    placeholder: props.placeholder,
    required: props.required,
    'aria-invalid': error ? true : undefined,
    'aria-describedby': about,
    autocomplete: 'off',
    spellcheck: false,
    autoFocus: props.autoFocus,
    onInput: (event: { currentTarget: { value: string } }) => onInput(event.currentTarget.value),
  } as const;
  return (
    <div class="field">
      <label for={id} class={props.unlabelled ? 'unseen' : undefined}>
        {label}
      </label>
      {lines === undefined ? (
        <input {...shared} type={type} list={suggestions && `${id}-list`} />
      ) : (
        <textarea {...shared} rows={lines} />
      )}
      {suggestions && (
        <datalist id={`${id}-list`}>
          {suggestions.map((text) => (
            <option key={text} value={text} />
          ))}
        </datalist>
      )}
      {error ? (
        <p class="field-error" id={`${id}-error`}>
          {error}
        </p>
      ) : (
        hint !== undefined && (
          <p class="hint" id={`${id}-hint`}>
            {hint}
          </p>
        )
      )}
    </div>
  );
}

interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [value: Value, text: string])[];
  readonly onChange: (value: Value) => void;
  readonly hint?: string;
  /** The label stands beside it. */
  readonly inline?: boolean;
}

/** One of a few. */
export function Choice<Value extends string>(props: ChoiceProps<Value>) {
  const { label, value, options, onChange, hint, inline = false } = props;
  const id = useId();
  return (
    <div class={inline ? 'field inline' : 'field'}>
      <label for={id}>{label}</label>
      <select
        id={id}
        class="input"
        value={value}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onChange={(event) => onChange(event.currentTarget.value as Value)}
      >
        {options.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}
