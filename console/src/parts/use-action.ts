import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from 'react-router';

/** A change: what fails is shown, and what was read before is read again. */
export function useAction<Input = void, Result = unknown>(
  change: (input: Input) => Promise<Result>,
  /** The page that shows the result, if that is another one. */
  leaveTo?: (result: Result) => string,
) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: change,
    onSuccess: (result) => {
      // The page that is left may show what is no more.
      void queries.invalidateQueries({ refetchType: leaveTo === undefined ? 'active' : 'none' });
      if (leaveTo !== undefined) void navigate(leaveTo(result));
    },
    onError: (error) => {
      notifications.show({ color: 'red', message: error.message, role: 'alert' });
    },
  });
}
