import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from 'react-router';

/** Makes a change: a failure is shown, and a success fetches the shown objects again. */
export function useAction<Input = void, Result = unknown>(
  change: (input: Input) => Promise<Result>,
  /** The path of the page that shows the result, if it is another page. */
  leaveTo?: (result: Result) => string,
) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: change,
    onSuccess: (result) => {
      // The page that is left may show a deleted object.
      void queries.invalidateQueries({ refetchType: leaveTo === undefined ? 'active' : 'none' });
      if (leaveTo !== undefined) void navigate(leaveTo(result));
    },
    onError: (error) => {
      notifications.show({ color: 'red', message: error.message, role: 'alert' });
    },
  });
}
